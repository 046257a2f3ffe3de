/** Handles one request: authenticates, reads and checks the statement, runs it, writes the result. */
import { randomUUID } from 'node:crypto';
import type { IncomingMessage, ServerResponse } from 'node:http';
import { exceptions } from '../session/exception.ts';
import { queryParameters } from '../session/settings.ts';
import { authenticate, checkHost } from './authentication.ts';
import type { EngineContext } from './execution.ts';
import { executeAsReader } from './reader-execution.ts';
import { limitBodyTime } from './request-body.ts';
import { ResponseWriter } from './response-writer.ts';
import { readStatementRequest } from './statement-request.ts';
import { executeAsWriter } from './writer-execution.ts';

/** A client that reads nothing for this long is taken as disconnected. A reader's rows wait in memory meanwhile. */
const readerStallMsMax = 60_000;
const writerStallMsMax = 600_000;

export async function handleRequest(context: EngineContext, request: IncomingMessage, response: ServerResponse): Promise<void> {
  const { pathname, searchParams: parameters } = new URL(request.url ?? '/', 'http://engine');
  const givenId = parameters.get('query_id');
  const queryId = givenId !== null && /^[\w.:-]{1,128}$/.test(givenId) ? givenId : randomUUID();
  const answer = new ResponseWriter(request, response, context.engine, parameters, queryId);
  const disconnected = new AbortController();
  response.on('close', () => {
    if (!response.writableFinished) disconnected.abort(exceptions.cancelled('The client left.'));
  });
  try {
    checkHost(request, context.access);
    if (isProbe(request, pathname, parameters)) {
      context.connections.probed(request.socket);
      response.writeHead(200, { 'Content-Type': 'text/html; charset=UTF-8' }).end('Ok.\n');
      return;
    }
    if (pathname !== '/') throw exceptions.noHandler(`There is no handle ${pathname.slice(0, 80)}. Use / or /ping.`);
    if (!['GET', 'HEAD', 'POST'].includes(request.method ?? '')) throw exceptions.notImplemented(`Use GET or POST, not ${request.method}.`);
    const account = authenticate(request, parameters, context.access);
    context.connections.admit(request.socket, account.name);
    answer.stallMsMax = account.mayWrite ? writerStallMsMax : readerStallMsMax;
    limitBodyTime(request, account.mayWrite);
    const statementRequest = await readStatementRequest(request, parameters, account);
    const turn = {
      statementRequest,
      account,
      parameters,
      values: queryParameters(parameters),
      writer: answer,
      signal: AbortSignal.any([disconnected.signal, context.closing]),
    };
    await (account.mayWrite ? executeAsWriter(context, turn, request.method === 'POST') : executeAsReader(context, turn));
  } catch (error) {
    // The rest of the body is read, or the client would not read the response.
    request.resume();
    if (!disconnected.signal.aborted) answer.fail(error);
  }
}

const isProbe = ({ method }: IncomingMessage, pathname: string, parameters: URLSearchParams): boolean =>
  pathname === '/ping' || pathname === '/replicas_status' || (pathname === '/' && method !== 'POST' && !parameters.has('query'));
