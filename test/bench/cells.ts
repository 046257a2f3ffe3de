/** What is measured: one base cell, and each factor varied alone. The same texts for everybody, made from a seed. */

export interface Cell {
  readonly name: string;
  readonly concurrency: number;
  /** Requests before the measuring begins, and those that are measured. */
  readonly warmup: number;
  readonly requests: number;
  readonly promptBytes: number;
  readonly answer: /** With so many tokens' log-probabilities; none when absent. */
    | { readonly type: 'json'; readonly bytes: number; readonly logprobs?: number }
    | { readonly type: 'sse'; readonly chunks: number; readonly gapMs: number; readonly delayMs: number };
  /** The requested model; one that the cell's provider has when absent. */
  readonly model?: string;
  /** The wire format of the provider that answers. */
  readonly provider: 'openai' | 'anthropic';
  /** Whether it is also measured how soon the provider hears that a caller has left. */
  readonly leaving?: boolean;
}

export const base: Cell = {
  name: 'base',
  concurrency: 32,
  // Until the compiler has come to rest, which the many small functions of a gateway take 24,000 requests for: it runs for days.
  warmup: 24_000,
  requests: 4_000,
  promptBytes: 2_000,
  answer: { type: 'json', bytes: 1_000 },
  provider: 'openai',
};
const sse: Cell = {
  ...base,
  name: 'sse',
  concurrency: 64,
  warmup: 256,
  requests: 192,
  answer: { type: 'sse', chunks: 100, gapMs: 10, delayMs: 0 },
};

/** A route whose first step must show log-probabilities, and always does. */
export const acceptingRoute = 'accepting';

export const quickCells: readonly Cell[] = [
  { ...base, warmup: 16_000, requests: 3_000 },
  { ...sse, warmup: 192, requests: 128 },
];
export const allCells: readonly Cell[] = [
  base,
  sse,
  { ...sse, name: 'sse-burst', concurrency: 16, warmup: 160, requests: 480, answer: { type: 'sse', chunks: 100, gapMs: 0, delayMs: 0 } },
  { ...base, name: 'translated', warmup: 16_000, provider: 'anthropic' },
  { ...base, name: 'accept', warmup: 16_000, model: acceptingRoute, answer: { type: 'json', bytes: 1_000, logprobs: 30 } },
  { ...base, name: '200-kb', warmup: 200, requests: 500, promptBytes: 200_000 },
  { ...base, name: 'one', concurrency: 1, warmup: 1_000, requests: 1_500 },
  {
    ...sse,
    name: 'sse-one',
    leaving: true,
    concurrency: 1,
    warmup: 20,
    requests: 100,
    answer: { type: 'sse', chunks: 5, gapMs: 2, delayMs: 5 },
  },
  { ...base, name: '256', warmup: 6_000, concurrency: 256 },
];

/** For what grows: streams that say nothing for a long time, and prompts as large as they may be. */
export const idle: Cell = {
  ...sse,
  name: 'idle',
  warmup: 0,
  requests: 2_000,
  answer: { type: 'sse', chunks: 2, gapMs: 20_000, delayMs: 0 },
};
export const huge: Cell = { ...base, name: 'huge', warmup: 1, requests: 8, concurrency: 1, promptBytes: 20_000_000 };
export const growthCells: readonly Cell[] = [idle, huge];

export const cellNamed = (name: string): Cell | undefined => [...allCells, ...growthCells].find(cell => cell.name === name);

/** Chunks a caller is sent per request; 1 for an answer that comes whole. */
export const chunksOf = ({ answer }: Cell): number => (answer.type === 'sse' ? answer.chunks : 1);

/** How many different prompts and answers there are: enough that no compressor sees one text again and again in a row. */
const textsMax = 64;

export function requestBodies(cell: Cell): readonly string[] {
  const count = cell.promptBytes > 1_000_000 ? 1 : cell.promptBytes > 50_000 ? 8 : textsMax;
  return Array.from({ length: count }, (_, i) =>
    JSON.stringify({
      model: cell.model ?? `${cell.name}/model`,
      messages: [
        { role: 'system', content: 'You answer briefly and say when you do not know.' },
        { role: 'user', content: words(cell.promptBytes - 200, i + 1) },
      ],
      temperature: 0.2,
      ...(cell.answer.type === 'sse' ? { stream: true } : {}),
      ...(cell.provider === 'anthropic' ? { max_tokens: 512 } : {}),
    }),
  );
}

/** Whole answers, or the frames of streamed ones. */
export function answers(cell: Cell): readonly (readonly string[])[] {
  return Array.from({ length: textsMax }, (_, i) => {
    if (cell.answer.type === 'sse') return openaiFrames(cell.answer.chunks, i);
    const content = words(cell.answer.bytes - 350, 1_000 + i);
    return [JSON.stringify(cell.provider === 'openai' ? openaiAnswer(content, i, cell.answer.logprobs) : anthropicAnswer(content, i))];
  });
}

const openaiAnswer = (content: string, i: number, logprobs = 0): object => ({
  id: `chatcmpl-${i}`,
  object: 'chat.completion',
  created: 1_790_000_000,
  model: 'model-2026-01-01',
  choices: [
    {
      index: 0,
      message: { role: 'assistant', content, refusal: null },
      logprobs:
        logprobs === 0 ? null : { content: content.split(' ', logprobs).map(token => ({ token, logprob: -0.1, top_logprobs: [] })) },
      finish_reason: 'stop',
    },
  ],
  usage: { prompt_tokens: 420, completion_tokens: 150, total_tokens: 570 },
});

const anthropicAnswer = (text: string, i: number): object => ({
  id: `msg_${i}`,
  type: 'message',
  role: 'assistant',
  model: 'model-2026-01-01',
  content: [{ type: 'text', text }],
  stop_reason: 'end_turn',
  stop_sequence: null,
  usage: { input_tokens: 420, output_tokens: 150 },
});

function openaiFrames(chunks: number, i: number): readonly string[] {
  const frame = (fields: object): string =>
    `data: ${JSON.stringify({ id: `chatcmpl-${i}`, object: 'chat.completion.chunk', created: 1_790_000_000, model: 'model-2026-01-01', ...fields })}\n\n`;
  const choice = (delta: object, finish: string | null): object => ({
    choices: [{ index: 0, delta, logprobs: null, finish_reason: finish }],
  });
  const contents = Array.from({ length: chunks - 2 }, (_, n) => frame(choice({ content: ` ${words(24, i * chunks + n)}` }, null)));
  const usage = frame({ choices: [], usage: { prompt_tokens: 420, completion_tokens: chunks, total_tokens: 420 + chunks } });
  return [frame(choice({ role: 'assistant', content: 'Well' }, null)), ...contents, `${frame(choice({}, 'stop'))}${usage}data: [DONE]\n\n`];
}

/** Text of so many characters, different for each seed and hard to compress. */
function words(length: number, seed: number): string {
  let state = (seed * 2_654_435_761) >>> 0 || 1;
  let text = '';
  while (text.length < length) {
    state = (Math.imul(state, 1_664_525) + 1_013_904_223) >>> 0;
    text += `${(state >>> 4).toString(36)} `;
  }
  return text.slice(0, Math.max(1, length));
}
