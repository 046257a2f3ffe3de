/** The provider of the bench, a process of its own: the first part of a path names the cell, and the responses are prepared beforehand. */
import { createServer, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { answers, type Cell, cellNamed } from './cells.ts';

interface Prepared {
  readonly cell: Cell;
  readonly answers: readonly (readonly Buffer[])[];
}

const prepared = new Map<string, Prepared>();
function preparedOf(name: string): Prepared | undefined {
  const known = prepared.get(name);
  const cell = cellNamed(name);
  if (known || !cell) return known;
  const made = { cell, answers: answers(cell).map(frames => frames.map(frame => Buffer.from(frame))) };
  prepared.set(name, made);
  return made;
}

let count = 0;
/** When streams were aborted by their readers, in milliseconds since 1970. */
let givenUpAt: number[] = [];

const server = createServer((request, response) => {
  if (request.url === '/given-up') {
    response.end(JSON.stringify(givenUpAt));
    givenUpAt = [];
    return;
  }
  const found = preparedOf(request.url!.split('/')[1]!);
  request.resume().once('end', () => {
    if (!found) return response.writeHead(404).end();
    const frames = found.answers[count++ % found.answers.length]!;
    const { answer } = found.cell;
    if (answer.type === 'sse') return void setTimeout(stream, answer.delayMs, response, frames, answer.gapMs);
    response.writeHead(200, { 'content-type': 'application/json', 'content-length': frames[0]!.byteLength }).end(frames[0]);
  });
});

function stream(response: ServerResponse, frames: readonly Buffer[], gapMs: number): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  let next = 0;
  const send = (): void => {
    if (next === frames.length - 1) response.end(frames[next]);
    else response.write(frames[next++]);
  };
  if (gapMs === 0) {
    for (const _ of frames) send();
    return;
  }
  send();
  const timer = setInterval(send, gapMs);
  response.once('close', () => {
    clearInterval(timer);
    if (!response.writableFinished) givenUpAt.push(performance.timeOrigin + performance.now());
  });
}

server.keepAliveTimeout = 600_000;
server.listen(0, '127.0.0.1', () => process.stdout.write(`http://127.0.0.1:${(server.address() as AddressInfo).port}\n`));
