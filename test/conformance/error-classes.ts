/** The failure kind of an error response as people read it, whatever its status. */
import type { Row } from './reference-parser.ts';

/** In order: the first matching pattern decides. */
const bodies: readonly (readonly [RegExp, string])[] = [
  [/tool_use_failed/, 'invalid-response'],
  [/usage guidelines|SAFETY_CHECK_TYPE/i, 'content-filtered'],
  [/"status": ?"RESOURCE_EXHAUSTED"/, 'rate-limited'],
  [
    /insufficient_quota|exceeded your current quota, please check your plan|insufficient (balance|credits)|more credits|credit balance|spending limit/i,
    'quota-exceeded',
  ],
  [
    /security token|incorrect api key|invalid (api|authentication)[ -]?(key|token)?|api key not valid|invalid x-api-key|no (cookie )?auth|unauthorized|authentication_error|invalid_api_key|user not found|api[ -]?key (not found|expired|is invalid)/i,
    'authentication',
  ],
  [/throttl|rate.?limit|resource.?exhausted|too many requests/i, 'rate-limited'],
  [/overloaded|UNAVAILABLE|high demand/, 'overloaded'],
  [
    /model identifier is invalid|model_not_found|model[^.]{0,120}(does not exist|not found|not exist|decommissioned|not supported with)|no endpoints found|not a valid model|deploymentnotfound|is not found for api version|not_found_error/i,
    'not-found',
  ],
  [
    /maximum context|context length|prompt is too long|too long|exceeds? the (maximum|limit)[^.]*token|request_too_large|token count .{0,40}exceeds/i,
    'context-exceeded',
  ],
  [/content_?filter|content management policy|moderation|flagged/i, 'content-filtered'],
];

export function errorClassOf({ status, body }: Pick<Row, 'status' | 'body'>): string {
  const byBody = bodies.find(([wording]) => wording.test(body))?.[1];
  if (byBody) return byBody;
  const byStatus: Readonly<Record<number, string>> = {
    401: 'authentication',
    402: 'quota-exceeded',
    403: 'permission',
    404: 'not-found',
    413: 'context-exceeded',
    429: 'rate-limited',
    503: 'overloaded',
  };
  return byStatus[status] ?? (status >= 500 ? 'server-error' : 'invalid-request');
}
