/** The wire formats of the fault matrix: the same response, `hello`, in the phases of its stream and as one JSON body. */
import type { Provider } from '../../gateway/core/chat/provider.ts';
import { anthropic } from '../../gateway/providers/anthropic.ts';
import { bedrock } from '../../gateway/providers/bedrock.ts';
import { gemini } from '../../gateway/providers/gemini.ts';
import { openai } from '../../gateway/providers/openai.ts';
import { openaiResponses } from '../../gateway/providers/openai-responses.ts';
import { awsMessage } from '../providers/aws-bytes.ts';
import { chunks, completion, done, event } from './chat.ts';

export type WireFormatName = 'JSON' | 'OpenAI SSE' | 'Anthropic SSE' | 'Gemini SSE' | 'Responses SSE' | 'Bedrock event stream';

export type Piece = string | Uint8Array;

export interface WireFormat {
  readonly name: WireFormatName;
  readonly provider: Provider;
  readonly stream: boolean;
  /** Events by phase; a JSON response is in two halves. */
  readonly prelude: readonly Piece[];
  readonly content: readonly Piece[];
  readonly remainder: readonly Piece[];
  readonly finish: readonly Piece[];
  /** The format's end marker; empty for Gemini. */
  readonly sentinel: readonly Piece[];
  /** An error inside a stream or a 200. */
  readonly error: Piece;
  /** Well framed, but not of the format. */
  readonly malformed: Piece;
  readonly contentType: string;
  /** Config of an account of this format, beside its URL. */
  readonly account: string;
  /** Bodies of a 400 for a prompt that is too long and for a filtered one; Gemini reports these in a response. */
  readonly tooLong: object;
  readonly filtered?: object;
}

const named = (type: string, data: object): string => `event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`;
const sse = { contentType: 'text/event-stream', account: 'key: sk-prov-a-1234567890', malformed: 'data: {{{\n\n' };
const of = chunks();
const complete = JSON.stringify(completion('hello'));

const openaiFormat: WireFormat = {
  name: 'OpenAI SSE',
  provider: openai,
  stream: true,
  ...sse,
  prelude: [of.role],
  content: [of.text('hel')],
  remainder: [of.text('lo')],
  finish: [of.finish()],
  sentinel: [of.usage, done],
  error: event({ error: { message: 'Overloaded', type: 'overloaded_error' } }),
  tooLong: { error: { message: "This model's maximum context length is 10 tokens.", code: 'context_length_exceeded' } },
  filtered: { error: { message: 'The response was filtered', code: 'content_filter' } },
};

const jsonFormat: WireFormat = {
  ...openaiFormat,
  name: 'JSON',
  stream: false,
  contentType: 'application/json',
  prelude: [],
  content: [complete.slice(0, 60)],
  remainder: [complete.slice(60)],
  finish: [],
  sentinel: [],
  error: JSON.stringify({ error: { message: 'Overloaded', type: 'overloaded_error' } }),
};

const anthropicFormat: WireFormat = {
  name: 'Anthropic SSE',
  provider: anthropic,
  stream: true,
  ...sse,

  prelude: [
    named('message_start', {
      message: {
        id: 'msg_1',
        type: 'message',
        role: 'assistant',
        model: 'served',
        content: [],
        usage: { input_tokens: 3, output_tokens: 1 },
      },
    }),
    named('content_block_start', { index: 0, content_block: { type: 'text', text: '' } }),
    named('ping', {}),
  ],
  content: [named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'hel' } })],
  remainder: [
    named('content_block_delta', { index: 0, delta: { type: 'text_delta', text: 'lo' } }),
    named('content_block_stop', { index: 0 }),
  ],
  finish: [named('message_delta', { delta: { stop_reason: 'end_turn', stop_sequence: null }, usage: { output_tokens: 2 } })],
  sentinel: [named('message_stop', {})],
  error: named('error', { error: { type: 'overloaded_error', message: 'Overloaded' } }),
  tooLong: { type: 'error', error: { type: 'invalid_request_error', message: 'prompt is too long: 200001 tokens > 200000 maximum' } },
  filtered: { type: 'error', error: { type: 'invalid_request_error', message: 'Output blocked by content filtering policy' } },
};

const candidate = (text: string, more: object = {}): string =>
  event({
    candidates: [{ content: { role: 'model', parts: [{ text }] }, index: 0, ...more }],
    usageMetadata: { promptTokenCount: 3, candidatesTokenCount: 2, totalTokenCount: 5 },
    modelVersion: 'served',
    responseId: 'r1',
  });

const geminiFormat: WireFormat = {
  name: 'Gemini SSE',
  provider: gemini,
  stream: true,
  ...sse,

  prelude: [candidate('')],
  content: [candidate('hel')],
  remainder: [candidate('lo')],
  finish: [candidate('', { finishReason: 'STOP' })],
  sentinel: [],
  error: event({ error: { code: 503, message: 'The model is overloaded.', status: 'UNAVAILABLE' } }),
  tooLong: {
    error: {
      code: 400,
      message: 'The input token count (5) exceeds the maximum number of tokens allowed (4).',
      status: 'INVALID_ARGUMENT',
    },
  },
};

const item = { type: 'message', id: 'msg_1', role: 'assistant', status: 'in_progress', content: [] };
const response = (more: object): object => ({
  response: { id: 'resp_1', object: 'response', created_at: 1_700_000_000, model: 'served', status: 'in_progress', output: [], ...more },
});
const part = { item_id: 'msg_1', output_index: 0, content_index: 0 };

const responsesFormat: WireFormat = {
  ...openaiFormat,
  name: 'Responses SSE',
  provider: openaiResponses,
  prelude: [
    named('response.created', response({})),
    named('response.in_progress', response({})),
    named('response.output_item.added', { output_index: 0, item }),
    named('response.content_part.added', { ...part, part: { type: 'output_text', text: '', annotations: [] } }),
  ],
  content: [named('response.output_text.delta', { ...part, delta: 'hel' })],
  remainder: [
    named('response.output_text.delta', { ...part, delta: 'lo' }),
    named('response.output_text.done', { ...part, text: 'hello' }),
    named('response.content_part.done', { ...part, part: { type: 'output_text', text: 'hello', annotations: [] } }),
  ],
  finish: [
    named('response.output_item.done', {
      output_index: 0,
      item: { ...item, status: 'completed', content: [{ type: 'output_text', text: 'hello', annotations: [] }] },
    }),
  ],
  sentinel: [
    named(
      'response.completed',
      response({
        status: 'completed',
        output: [{ ...item, status: 'completed', content: [{ type: 'output_text', text: 'hello', annotations: [] }] }],
        usage: { input_tokens: 3, output_tokens: 2, total_tokens: 5 },
      }),
    ),
  ],
  error: named('error', { code: 'server_is_overloaded', message: 'Overloaded' }),
};

const aws = (event: string, data: object | string): Uint8Array =>
  awsMessage({ event, data: typeof data === 'string' ? data : JSON.stringify(data) });

const bedrockFormat: WireFormat = {
  name: 'Bedrock event stream',
  provider: bedrock,
  stream: true,
  contentType: 'application/vnd.amazon.eventstream',
  account: 'region: eu-west-1, access_key_id: AKIAEXAMPLE, secret_access_key: s3cret',
  prelude: [aws('messageStart', { role: 'assistant' })],
  content: [aws('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'hel' } })],
  remainder: [aws('contentBlockDelta', { contentBlockIndex: 0, delta: { text: 'lo' } }), aws('contentBlockStop', { contentBlockIndex: 0 })],
  finish: [aws('messageStop', { stopReason: 'end_turn' })],
  sentinel: [aws('metadata', { usage: { inputTokens: 3, outputTokens: 2, totalTokens: 5 } })],
  error: aws('exception/serviceUnavailableException', { message: 'Overloaded' }),
  malformed: aws('contentBlockDelta', '{{{'),
  tooLong: { message: 'Input is too long for requested model.' },
};

export const wireFormats: readonly WireFormat[] = [jsonFormat, openaiFormat, anthropicFormat, geminiFormat, responsesFormat, bedrockFormat];
