/** Estimated tokens of passed-through requests whose bodies are not text, for budgets and rate limits. */
import type { RoutedRequest } from '../exchange/contract.ts';
import type { RequestFields } from './consumption.ts';
import type { Endpoint } from './endpoints.ts';

const charactersPerToken = 4;
const tokensPerImage = 4_000;
/** Output tokens per character of speech. */
const speechTokensPerCharacter = 1.25;
/** Of audio input, in a common compression. */
const bytesPerSecond = 16_000;
const audioTokensPerSecond = 10;
const transcriptTokensPerSecond = 4;

type TokenEstimate = NonNullable<RoutedRequest['estimatedTokens']>;

/** The estimate; undefined when the body is text, which is counted as chat is. */
export function estimateTokens(
  { operation }: Endpoint,
  fields: RequestFields & { readonly bytes: Buffer | undefined },
): TokenEstimate | undefined {
  switch (operation) {
    case 'files':
    case 'batches':
      return { input: 0, output: 0, isFree: true };
    case 'images':
      return { input: tokensOf(fields.text('prompt')), output: tokensPerImage * countOf(fields.text('n')) };
    case 'speech':
      return { input: tokensOf(fields.text('input')), output: Math.ceil((fields.text('input') ?? '').length * speechTokensPerCharacter) };
    case 'transcription':
    case 'translation': {
      const seconds = Math.ceil((fields.bytes?.byteLength ?? 0) / bytesPerSecond);
      return { input: seconds * audioTokensPerSecond, output: seconds * transcriptTokensPerSecond };
    }
    case 'moderation':
      return { input: Math.ceil((fields.bytes?.byteLength ?? 0) / charactersPerToken), output: 0, isFree: true };
    case 'rerank':
    case 'embeddings':
      return { input: Math.ceil((fields.bytes?.byteLength ?? 0) / charactersPerToken), output: 0 };
    default:
      return undefined;
  }
}

const tokensOf = (text: string | undefined): number => Math.ceil((text ?? '').length / charactersPerToken);
const countOf = (n: string | undefined): number => Math.min(10, Math.max(1, Number(n ?? 1) || 1));
