/** Responses in OpenAI's chat format for test upstreams: non-streaming, and streaming event by event. */

type Json = Readonly<Record<string, unknown>>;

const head = (id: string): Json => ({ id, created: 1_700_000_000, model: 'served-model' });
const usage = { prompt_tokens: 7, completion_tokens: 3, total_tokens: 10 };

export interface Token {
  readonly token: string;
  readonly logprob: number;
}

const logprobsOf = (tokens: readonly Token[] | undefined): Json | null =>
  tokens
    ? { content: tokens.map(({ token, logprob }) => ({ token, logprob, bytes: null, top_logprobs: [{ token, logprob }] })), refusal: null }
    : null;

/** A non-streaming response. */
export const completion = (
  content: string,
  { id = 'chatcmpl-1', tokens, ...more }: { id?: string; tokens?: readonly Token[] } & Json = {},
): Json => ({
  ...head(id),
  object: 'chat.completion',
  choices: [{ index: 0, message: { role: 'assistant', content, refusal: null }, logprobs: logprobsOf(tokens), finish_reason: 'stop' }],
  usage,
  system_fingerprint: 'fp_1',
  ...more,
});

export const event = (data: unknown): string => `data: ${typeof data === 'string' ? data : JSON.stringify(data)}\n\n`;
export const done = event('[DONE]');

/** The events of one streaming response, all with the same id. */
export function chunks(id = 'chatcmpl-1') {
  const chunk = (choice: Json | undefined, more: Json = {}): string =>
    event({
      ...head(id),
      object: 'chat.completion.chunk',
      choices: choice ? [{ index: 0, delta: {}, logprobs: null, finish_reason: null, ...choice }] : [],
      ...more,
    });
  return {
    role: chunk({ delta: { role: 'assistant', content: '' } }),
    text: (content: string, tokens?: readonly Token[]): string => chunk({ delta: { content }, logprobs: logprobsOf(tokens) }),
    finish: (reason = 'stop'): string => chunk({ finish_reason: reason }),
    usage: chunk(undefined, { usage }),
    chunk,
  };
}

/** A complete stream with these texts. */
export function streamOf(texts: readonly string[], id = 'chatcmpl-1'): readonly string[] {
  const of = chunks(id);
  return [of.role, ...texts.map(text => of.text(text)), of.finish(), of.usage, done];
}
