import type { RoutedRequest } from '../exchange/contract.ts';
import type { RequestFields } from './consumption.ts';
import type { Endpoint } from './endpoints.ts';

const charactersPerToken = 4;
const tokensPerImage = 4_000;
/** Of speech: what a character takes to be spoken. */
const speechTokensPerCharacter = 1.25;
/** Of sound that is listened to, in a common compression. */
const bytesPerSecond = 16_000;
const audioTokensPerSecond = 10;
const transcriptTokensPerSecond = 4;

type TokenEstimate = NonNullable<RoutedRequest['estimatedTokens']>;

/** Undefined where the body is text and is counted as such. */
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
