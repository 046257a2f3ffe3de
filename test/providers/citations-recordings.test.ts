/**
 * Every recorded response with citations: as many citations as in the body, spans within the text, and every URL in every caller format.
 */
import { describe, expect, test } from 'vitest';
import type { ChatRequest, ChatResponse, Citation } from '../../gateway/core/chat/chat.ts';
import { eventsOf } from '../../gateway/core/chat/collect.ts';
import { responseLossesOf } from '../../gateway/core/chat/response-loss.ts';
import { anthropicMessages } from '../../gateway/dialects/anthropic.ts';
import { geminiGenerate } from '../../gateway/dialects/gemini.ts';
import { openaiChat } from '../../gateway/dialects/openai.ts';
import { openaiResponses } from '../../gateway/dialects/responses.ts';
import { providers } from '../../gateway/providers/index.ts';
import { recordedRows, unlessRecorded } from '../recordings.ts';
import { parseRechunked } from './rechunk.ts';

interface Row {
  readonly id: string;
  readonly api: string;
  readonly status: number;
  readonly framing: string;
  readonly body: string;
}

/** The number of citations in a body, counted by pattern only. */
const count: Readonly<Record<string, (body: string) => number>> = {
  'anthropic messages': body =>
    (body.match(/"type":\s*"(?:web_search_result|char|page|content_block|search_result)_location"/g) ?? []).length,
  'openai chat': body => (body.match(/"type":\s*"url_citation"/g) ?? []).length,
  'openrouter chat': body => (body.match(/"type":\s*"url_citation"/g) ?? []).length,
  'perplexity chat': body => (/"citations":\s*\[([^\]]*)\]/.exec(body)?.[1] ?? '').match(/https?:/g)?.length ?? 0,
};
const places = [
  ['anthropic', 'messages', 'anthropic'],
  ['openai', 'chat', 'openai'],
  ['openrouter', 'chat', 'openrouter'],
  ['perplexity', 'chat', 'perplexity'],
  ['openai', 'responses', 'openai-responses'],
  ['gemini', 'generateContent', 'gemini'],
  ['gemini', 'streamGenerateContent', 'gemini'],
  ['cohere', 'chat-v2', 'cohere'],
] as const;
const marked = /citations?_delta|_location"|url_citation|groundingMetadata|"citations"/;

const citing = places.flatMap(([file, api, name]) =>
  recordedRows<Row>(`wire/${file}.jsonl`)
    .filter(row => row.api === api && row.status === 200 && (row.framing === 'sse' || row.framing === 'json') && marked.test(row.body))
    .flatMap(row => {
      const provider = providers[name]!;
      const response = row.framing === 'json' ? provider.parseResponse(JSON.parse(row.body)) : parseRechunked(provider, row.body, []);
      return 'kind' in response ? [] : [{ id: row.id, key: `${file} ${api}`, body: row.body, framing: row.framing, response }];
    }),
);

const citationsOf = ({ choices }: ChatResponse): readonly Citation[] =>
  choices.flatMap(({ content }) => content.flatMap(part => (part.type === 'text' ? (part.citations ?? []) : [])));
const textOf = ({ choices }: ChatResponse): string => choices[0]!.content.map(part => (part.type === 'text' ? part.text : '')).join('');
const requestFor = (stream: boolean): ChatRequest => ({ model: 'm', messages: [], tools: [], stream, stop: [], extra: {} });

describe(`recorded citations${unlessRecorded('wire/anthropic.jsonl')}`, () => {
  test.skipIf(citing.length === 0)('are parsed, each with a span within its text', () => {
    const counted = citing.filter(({ key }) => Object.hasOwn(count, key));
    expect(counted.map(({ id, response }) => [id, citationsOf(response).length])).toEqual(
      counted.map(({ id, key, body }) => [id, count[key]!(body)]),
    );
    expect(citing.filter(({ response }) => citationsOf(response).length > 0).length).toBeGreaterThan(20);
    const strange = citing.filter(({ response }) =>
      citationsOf(response).some(({ span }) => span && (span.from < 0 || span.from > span.to || span.to > textOf(response).length)),
    );
    expect(strange.map(({ id }) => id)).toEqual([]);
  });

  test.each([openaiChat, openaiResponses, anthropicMessages, geminiGenerate].map(dialect => [dialect.name, dialect] as const))(
    'are in what %s is sent, or named',
    (_, dialect) => {
      for (const { id, response } of citing) {
        for (const stream of [false, true]) {
          const renderer = dialect.renderStream({ includeUsage: true, request: requestFor(stream) });
          const sent = stream
            ? eventsOf(response).map(renderer.render).join('') + renderer.end()
            : dialect.renderResponse(response, 0, requestFor(stream));
          const owned = responseLossesOf(response, dialect.responseLosses, requestFor(stream)).map(({ field }) => field);
          for (const { url, document } of citationsOf(response)) {
            if (url !== undefined) expect(sent.includes(JSON.stringify(url).slice(1, -1)), id).toBe(true);
            else expect(sent.includes(JSON.stringify(document).slice(1, -1)) || owned.includes('answer.citations.document'), id).toBe(true);
          }
        }
      }
    },
  );
});
