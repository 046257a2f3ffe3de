/** Compares provider and reference parser on every recorded row. */
import { isDeepStrictEqual } from 'node:util';
import type { ChatResponse } from '../../gateway/core/chat/chat.ts';
import type { Provider } from '../../gateway/core/chat/provider.ts';
import type { Failure } from '../../gateway/core/shared/failure.ts';
import { providers } from '../../gateway/providers/index.ts';
import { parseRechunked } from '../providers/rechunk.ts';
import { recordedRows } from '../recordings.ts';
import { errorClassOf } from './error-classes.ts';
import { exceptions } from './exceptions.ts';
import { parseRow, type ReferenceAnswer, type Row } from './reference-parser.ts';

export const files = [
  ...['openai', 'azure', 'anthropic', 'gemini', 'vertex', 'bedrock', 'cohere', 'qwen', 'mistral', 'deepseek', 'xai', 'groq', 'openrouter'],
  ...['together', 'cerebras', 'perplexity', 'ollama', 'huggingface', 'zai', 'other'],
] as const;

/** The provider of an API; for chat completions the vendor's own dialect where there is one. */
const providerNames: Readonly<Record<string, string>> = {
  responses: 'openai-responses',
  messages: 'anthropic',
  generateContent: 'gemini',
  streamGenerateContent: 'gemini',
  converse: 'bedrock',
  'converse-stream': 'bedrock',
  'chat-v2': 'cohere',
  'dashscope-native': 'dashscope',
};

export interface Score {
  readonly file: string;
  rows: number;
  /** Responses with equal results. */
  equal: number;
  /** Error responses with equal kinds. */
  refusals: number;
  /** Rows of endpoints other than chat, by API. */
  readonly elsewhere: Map<string, number>;
  readonly excepted: { readonly id: string; readonly reason: string }[];
  readonly wrong: { readonly id: string; readonly why: string }[];
}

export function scoreOf(file: string): Score {
  const score: Score = { file, rows: 0, equal: 0, refusals: 0, elsewhere: new Map(), excepted: [], wrong: [] };
  for (const row of recordedRows<Row>(`wire/${file}.jsonl`)) {
    score.rows++;
    const provider = providerOf(file, row);
    if (!provider) {
      score.elsewhere.set(row.api, (score.elsewhere.get(row.api) ?? 0) + 1);
      continue;
    }
    const why = disagreementOf(row, provider);
    const reason = exceptions[row.id];
    if (why === undefined) {
      if (row.status >= 400) score.refusals++;
      else score.equal++;
    } else if (reason !== undefined) score.excepted.push({ id: row.id, reason });
    else score.wrong.push({ id: row.id, why });
  }
  return score;
}

function providerOf(file: string, { api, url }: Row): Provider | undefined {
  if (api === 'dashscope-native' && !/generation\/generation$/.test(url)) return undefined;
  if (api === 'dashscope-native' && /(image|video)/.test(url)) return undefined;
  if (api === 'messages' && !url.includes('/v1/messages')) return undefined;
  if (api === 'chat') return providers[file]?.wire === 'openai-chat' ? providers[file] : providers.openai;
  if (file === 'vertex' && /enerateContent/.test(api)) return providers.vertex;
  return providers[providerNames[api] ?? ''];
}

/** The disagreement of a row; undefined when there is none. */
function disagreementOf(row: Row, provider: Provider): string | undefined {
  try {
    if (row.status >= 400) {
      const { kind } = provider.parseFailure(row.status, row.headers, row.body);
      const expected = errorClassOf(row);
      return kind === expected ? undefined : `refusal read as ${kind}, not ${expected}: ${row.body.slice(0, 160)}`;
    }
    const actual = parseRecorded(row, provider);
    if ('kind' in actual) return `read as a failure, ${actual.kind}: ${actual.message.slice(0, 160)}`;
    return difference(toReference(actual), parseRow(row));
  } catch (problem) {
    return `thrown: ${problem instanceof Error ? problem.message : String(problem)}`;
  }
}

function parseRecorded(row: Row, provider: Provider): ChatResponse | Failure {
  if (row.framing === 'json' || row.framing === 'text') return provider.parseResponse(JSON.parse(row.body));
  if (row.framing === 'ndjson') {
    const lines = row.body
      .trim()
      .split('\n')
      .map(data => `data: ${data}\n\n`);
    return parseRechunked({ ...provider, framing: 'sse' }, lines.join(''), []);
  }
  const body = row.body_encoding === 'base64' ? Buffer.from(row.body, 'base64') : row.body;
  return parseRechunked(provider, body, row.chunk_lengths ?? []);
}

function toReference({ choices, usage }: ChatResponse): ReferenceAnswer {
  const parts = choices.flatMap(({ content }) => content);
  const joined = (type: 'text' | 'reasoning'): string => parts.map(part => (part.type === type ? part.text : '')).join('');
  return {
    text: joined('text'),
    reasoning: joined('reasoning'),
    calls: parts.flatMap(part => (part.type === 'tool-call' ? [{ name: part.name, arguments: part.arguments }] : [])),
    finish: choices[0]?.finish.raw ?? '',
    ...(usage ? { usage: { input: usage.input, output: usage.output, cached: usage.cached } } : {}),
  };
}

function difference(ours: ReferenceAnswer, theirs: ReferenceAnswer): string | undefined {
  for (const member of ['text', 'reasoning', 'finish', 'calls', 'usage'] as const) {
    // No usage and an all-zero one are equal.
    if (member === 'usage' && isNothing(ours.usage) && isNothing(theirs.usage)) continue;
    if (
      isDeepStrictEqual(
        member === 'calls' ? ours.calls.map(sameCall) : ours[member],
        member === 'calls' ? theirs.calls.map(sameCall) : theirs[member],
      )
    )
      continue;
    return `${member}: ${JSON.stringify(ours[member])?.slice(0, 200)} instead of ${JSON.stringify(theirs[member])?.slice(0, 200)}`;
  }
  return undefined;
}

/** Empty arguments may be written as nothing or as an empty object. */
const sameCall = ({ name, arguments: argumentsText }: { readonly name: string; readonly arguments: string }): object => ({
  name,
  argumentsText: argumentsText === '{}' ? '' : argumentsText,
});

const isNothing = (usage: ReferenceAnswer['usage']): boolean => !usage || (usage.input === 0 && usage.output === 0);
