/** Values in log rows of other tools, and the recorded request that they become. */
import { createHash } from 'node:crypto';
import { isObject, type Json, type JsonObject } from '../../gateway/core/chat/json.ts';
import { type Answer, contentOf, readAnswer } from './answer.ts';
import { wireProviderOf } from './dialects.ts';
import type { RecordedRequest } from './requests.ts';

/** Text of a string or a number; '' for anything else. */
export const text = (value: Json | undefined): string =>
  typeof value === 'string' ? value : typeof value === 'number' ? String(value) : '';
/** 0 for what is no number. */
export const number = (value: Json | undefined): number =>
  typeof value === 'number' && Number.isFinite(value) ? value : Number(text(value)) || 0;
/** A member that holds JSON, or JSON in a string. */
export function json(value: Json | undefined): Json | undefined {
  if (typeof value !== 'string') return value;
  try {
    return JSON.parse(value) as Json;
  } catch {
    return value;
  }
}
/** An object, or one in a string; empty for anything else. */
export const object = (value: Json | undefined): JsonObject => {
  const read = json(value);
  return isObject(read) ? read : {};
};
/** The members that are text. */
export const texts = (value: JsonObject): Readonly<Record<string, string>> =>
  Object.fromEntries(Object.entries(value).flatMap(([key, one]) => (text(one) === '' ? [] : [[key, text(one)]])));

/** Milliseconds of an ISO date, of Unix seconds, or of Unix milliseconds. */
export function instantOf(value: Json | undefined): number {
  if (typeof value === 'number') return value < 1e11 ? value * 1000 : value;
  const written = text(value);
  if (/^\d+(\.\d+)?$/.test(written)) return instantOf(Number(written));
  const zoned = /(Z|[+-]\d\d:?\d\d)$/.test(written) ? written : `${written.replace(' ', 'T')}Z`;
  return Date.parse(zoned) || 0;
}

/** The caller's dialect, by the path of the request and its body. */
export function dialectAt(path: string, body: JsonObject): string {
  if (/\/messages(\?|$)/.test(path)) return 'anthropic-messages';
  if (/\/responses(\?|$)/.test(path)) return 'openai-responses';
  if (/generateContent/i.test(path) || body.contents !== undefined) return 'gemini-generate';
  return 'openai-chat';
}

/** What the formats have in common. */
export interface LogEntry {
  readonly id: string;
  readonly receivedAt: number;
  readonly dialect: string;
  readonly body: string;
  readonly tenant?: string;
  readonly user?: string;
  readonly conversation?: string;
  readonly tags?: Readonly<Record<string, string>>;
  readonly route?: string;
  readonly answer: Partial<Answer>;
  readonly response?: Json;
}

/** The recorded request; without an id, the hash of its body names it. */
export function toRecordedRequest(entry: LogEntry): RecordedRequest {
  const request = JSON.parse(entry.body) as JsonObject;
  const id = entry.id === '' ? createHash('sha256').update(entry.body).digest('hex').slice(0, 32) : entry.id;
  const answer: Answer = {
    outcome: 'ok',
    target: '',
    ...contentIn(entry),
    finish: '',
    inputTokens: 0,
    outputTokens: 0,
    latencyMs: 0,
    ...entry.answer,
  };
  return {
    id,
    receivedAt: entry.receivedAt,
    tenant: entry.tenant || 'default',
    project: '',
    user: entry.user ?? '',
    conversation: entry.conversation ?? '',
    tags: entry.tags ?? {},
    dialect: entry.dialect,
    stream: request.stream === true,
    route: entry.route ?? '',
    body: entry.body,
    headers: {},
    answer,
  };
}

function contentIn({ dialect, response }: LogEntry): Pick<Answer, 'text' | 'toolCalls'> {
  if (typeof response === 'string') return { text: response, toolCalls: [] };
  const wire = wireProviderOf(dialect);
  if (!wire || !isObject(response)) return { text: '', toolCalls: [] };
  return contentOf(readAnswer(wire, false, Buffer.from(JSON.stringify(response))));
}
