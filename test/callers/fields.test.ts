/** Further request fields from every caller to every target over real sockets: the target gets them, or a warning names the loss. Prints the matrix. */
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { Warning } from '../../gateway/core/chat/provider.ts';
import { type RunningGateway, startGateway } from '../gateway/harness.ts';
import { providersYaml, type ScriptedUpstream, startScriptedUpstream } from './scripted-upstream.ts';

const targets = ['openai', 'responses', 'anthropic', 'gemini'] as const;
const pdf = Buffer.from('%PDF-1.4 marked').toString('base64');
const wav = Buffer.from('RIFF marked').toString('base64');

/** Members to add to a body; `content` replaces the user's. */
type Say = { readonly content?: unknown } & Readonly<Record<string, unknown>>;

interface Field {
  /** By caller; a caller that is absent has no such field. */
  readonly said: Readonly<Record<string, Say>>;
  readonly heard: RegExp;
  /** The warnings that may name its loss. */
  readonly named: RegExp;
}

const turns = {
  openai: [
    { role: 'user', content: 'One?' },
    { role: 'assistant', content: 'Two.' },
    { role: 'user', content: 'Three?' },
  ],
  gemini: [
    { role: 'user', parts: [{ text: 'One?' }] },
    { role: 'model', parts: [{ text: 'Two.' }] },
    { role: 'user', parts: [{ text: 'Three?' }] },
  ],
};

const fields: Readonly<Record<string, Field>> = {
  turns: {
    said: {
      openai: { messages: turns.openai },
      responses: { input: turns.openai },
      anthropic: { messages: turns.openai },
      gemini: { contents: turns.gemini },
    },
    heard: /One\?.*Two\..*Three\?/s,
    named: /^never$/,
  },
  developer: {
    said: {
      openai: { messages: [{ role: 'developer', content: 'Be brief77.' }, ...turns.openai] },
      responses: { input: [{ role: 'developer', content: 'Be brief77.' }, ...turns.openai] },
    },
    heard: /Be brief77\./,
    named: /^never$/,
  },
  stop: {
    said: {
      openai: { stop: ['END77'] },
      anthropic: { stop_sequences: ['END77'] },
      gemini: { generationConfig: { stopSequences: ['END77'] } },
    },
    heard: /END77/,
    named: /stop/i,
  },
  sampling: {
    said: {
      openai: { temperature: 0.37 },
      responses: { temperature: 0.37 },
      anthropic: { temperature: 0.37 },
      gemini: { generationConfig: { temperature: 0.37 } },
    },
    heard: /0\.37/,
    named: /temperature/,
  },
  seed: { said: { openai: { seed: 7_777 }, gemini: { generationConfig: { seed: 7_777 } } }, heard: /7777/, named: /seed/ },
  n: {
    said: { openai: { n: 2 }, gemini: { generationConfig: { candidateCount: 2 } } },
    heard: /"n":2|"candidateCount":2/,
    named: /^n$|candidateCount/,
  },
  logprobs: {
    said: {
      openai: { logprobs: true, top_logprobs: 2 },
      responses: { include: ['message.output_text.logprobs'], top_logprobs: 2 },
      gemini: { generationConfig: { responseLogprobs: true, logprobs: 2 } },
    },
    heard: /logprobs/i,
    named: /logprobs|include/i,
  },
  tier: {
    said: {
      openai: { service_tier: 'flex' },
      responses: { service_tier: 'flex' },
      anthropic: { service_tier: 'standard_only' },
      gemini: { serviceTier: 'flex' },
    },
    // Other formats have no field for the standard tier, the only one that Anthropic's callers can require.
    heard: /flex|standard_only|"service_?tier":"(?:default|standard)"|"maxOutputTokens":100\b(?!.*tier)/i,
    named: /service_?tier/i,
  },
  user: {
    said: { openai: { user: 'u-7777' }, responses: { user: 'u-7777' }, anthropic: { metadata: { user_id: 'u-7777' } } },
    heard: /u-7777/,
    named: /user/,
  },
  metadata: {
    said: { openai: { metadata: { team: 'm-7777' } }, responses: { metadata: { team: 'm-7777' } } },
    heard: /m-7777/,
    named: /metadata/,
  },
  cache: {
    said: { anthropic: { content: [{ type: 'text', text: 'Hi.', cache_control: { type: 'ephemeral', ttl: '1h' } }] } },
    heard: /"cache_control":\{"type":"ephemeral","ttl":"1h"\}/,
    named: /cache_control/,
  },
  documents: {
    said: {
      openai: { content: [{ type: 'file', file: { filename: 'a.pdf', file_data: `data:application/pdf;base64,${pdf}` } }] },
      responses: { content: [{ type: 'input_file', filename: 'a.pdf', file_data: `data:application/pdf;base64,${pdf}` }] },
      anthropic: { content: [{ type: 'document', title: 'a.pdf', source: { type: 'base64', media_type: 'application/pdf', data: pdf } }] },
      gemini: { content: [{ inlineData: { mimeType: 'application/pdf', data: pdf } }] },
    },
    heard: new RegExp(pdf),
    named: /^never$/,
  },
  audio: {
    said: {
      openai: { content: [{ type: 'input_audio', input_audio: { data: wav, format: 'wav' } }] },
      gemini: { content: [{ inlineData: { mimeType: 'audio/wav', data: wav } }] },
    },
    heard: new RegExp(wav),
    named: /\[0\]/,
  },
};

type Body = (model: string, stream: boolean, say: Say) => readonly [path: string, body: object];

const callers: Readonly<Record<(typeof targets)[number], Body>> = {
  openai: (model, stream, { content = 'Hi.', ...rest }) => [
    '/v1/chat/completions',
    { model, stream, messages: [{ role: 'user', content }], ...rest },
  ],
  responses: (model, stream, { content = 'Hi.', ...rest }) => [
    '/v1/responses',
    { model, stream, input: [{ role: 'user', content }], ...rest },
  ],
  anthropic: (model, stream, { content = 'Hi.', ...rest }) => [
    '/v1/messages',
    { model, stream, max_tokens: 100, messages: [{ role: 'user', content }], ...rest },
  ],
  gemini: (model, stream, { content, ...rest }) => [
    `/v1beta/models/${model}:${stream ? 'streamGenerateContent?alt=sse' : 'generateContent'}`,
    { contents: [{ role: 'user', parts: content ?? [{ text: 'Hi.' }] }], ...rest },
  ],
};

let upstream: ScriptedUpstream;
let gateway: RunningGateway;
const cells = new Map<string, string>();
const reported = new Set<string>();
beforeAll(async () => {
  upstream = await startScriptedUpstream();
  gateway = await startGateway(providersYaml(upstream.url));
});
afterAll(async () => {
  await gateway[Symbol.asyncDispose]();
  await upstream[Symbol.asyncDispose]();
  console.log(matrix());
});

describe.each(targets)('%s', caller => {
  test.each(targets)('to %s', async target => {
    for (const [name, { said: sent, heard: received, named }] of Object.entries(fields)) {
      const say = sent[caller];
      for (const stream of say ? [false, true] : []) {
        const key = `${caller} ${target} ${stream} ${name}`;
        const warnings = await ask(caller, target, stream, say!);
        const isHeard = received.test(upstream.lastRequest().text);
        const owned = warnings.filter(({ field }) => named.test(field));
        expect(isHeard || owned.length > 0, `${key}: ${upstream.lastRequest().text}`).toBe(true);
        if (owned.some(({ type }) => type === 'dropped') && caller !== target)
          for (const { field, detail } of owned) reported.add(`${target}: ${field}: ${detail}`);
        cells.set(key, owned.length === 0 ? '=' : isHeard ? '~' : 'r');
      }
    }
  });
});

test('every cell for which the caller has a field exists', () => {
  const words = Object.values(fields).reduce((sum, { said: sent }) => sum + Object.keys(sent).length, 0);
  expect(cells.size).toBe(words * targets.length * 2);
});

async function ask(caller: (typeof targets)[number], target: string, stream: boolean, say: Say): Promise<readonly Warning[]> {
  const [path, body] = callers[caller](`to-${target}`, stream, say);
  const answer = await fetch(gateway.url + path, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify(body),
  });
  const text = await answer.text();
  expect(answer.status, text).toBe(200);
  return gateway.sink.exchanges.at(-1)!.warnings;
}

function matrix(): string {
  const names = Object.keys(fields);
  const lines = targets.flatMap(caller =>
    targets.map(target => {
      const row = names.map(name => {
        const [whole = '-', streamed = '-'] = [false, true].map(stream => cells.get(`${caller} ${target} ${stream} ${name}`));
        return (whole === streamed ? whole : `${whole}/${streamed}`).padEnd(name.length);
      });
      return `${caller.padEnd(10)} -> ${target.padEnd(10)} ${row.join(' ')}`;
    }),
  );
  const key = '= exact   ~ said in another way, and told   r not carried, for the reason told   - no word for it in this dialect';
  return [`${' '.repeat(25)}${names.join(' ')}`, ...lines, key, ...[...reported].toSorted().map(reason => `  r: ${reason}`)].join('\n');
}
