/** Error responses of the simulation: requested failures, and refusals of what OpenAI would refuse. */
import type { SimulatedResponse } from '../../core/chat/provider.ts';
import type { RequestProblem } from './request.ts';

interface ErrorBody {
  readonly type: string;
  readonly code: string | null;
  readonly message: string;
}

const invalid = (code: string | null, message: string): ErrorBody => ({ type: 'invalid_request_error', code, message });
const server = (code: string | null, message: string): ErrorBody => ({ type: 'server_error', code, message });

const errorBodies: Readonly<Record<number, ErrorBody>> = {
  401: invalid('invalid_api_key', 'Incorrect API key provided.'),
  402: { type: 'insufficient_quota', code: 'insufficient_quota', message: 'You exceeded your current quota.' },
  403: invalid('permission_denied', 'This project has no access to the model.'),
  404: invalid('model_not_found', 'The model does not exist.'),
  408: { type: 'timeout_error', code: 'request_timeout', message: 'The request took too long.' },
  413: invalid('request_too_large', 'The request is too large.'),
  429: { type: 'requests', code: 'rate_limit_exceeded', message: 'Rate limit reached for requests.' },
  500: server(null, 'The server had an error while processing the request.'),
  503: server('service_unavailable', 'The engine is overloaded. Try again later.'),
  504: server('timeout', 'The server took too long.'),
  529: server('overloaded', 'The engine is overloaded. Try again later.'),
};

function errorBodyFor(status: number): ErrorBody {
  const known = errorBodies[status] ?? (status < 500 ? invalid(null, 'The request is invalid.') : server(null, 'The server failed.'));
  return { ...known, message: `${known.message} Simulated, as the model's name asks.` };
}

/** The JSON body of an error with this status, in OpenAI's words. */
export const renderError = (status: number): string => JSON.stringify({ error: { ...errorBodyFor(status), param: null } });

/** A simulated error response with this status after `afterMs` milliseconds. */
export const failedResponse = (status: number, afterMs: number, headers: Readonly<Record<string, string>>): SimulatedResponse => ({
  status,
  headers: { 'content-type': 'application/json', ...headers },
  frames: [{ afterMs, data: renderError(status) }],
  ending: 'end',
});

/** A simulated 400 that names the member at fault. */
export const refusedResponse = ({ message, param }: RequestProblem): SimulatedResponse => ({
  status: 400,
  headers: { 'content-type': 'application/json' },
  frames: [{ afterMs: 0, data: JSON.stringify({ error: { message, type: 'invalid_request_error', param, code: null } }) }],
  ending: 'end',
});
