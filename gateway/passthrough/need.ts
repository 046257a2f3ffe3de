import type { RoutedRequest } from '../exchange/execute.ts';
import type { AskedFor } from './consumed.ts';
import type { Endpoint } from './endpoints.ts';

const charactersPerToken = 4;
const tokensPerImage = 4_000;
/** Of speech: what a character takes to be spoken. */
const spokenPerCharacter = 1.25;
/** Of sound that is listened to, in a common compression. */
const bytesPerSecond = 16_000;
const heardPerSecond = 10;
const wordsPerSecond = 4;

type Reckoned = NonNullable<RoutedRequest['estimatedTokens']>;

/** Undefined where the body is text and is counted as such. */
export function reckonedFor({ operation }: Endpoint, asked: AskedFor & { readonly bytes: Buffer | undefined }): Reckoned | undefined {
  switch (operation) {
    case 'files':
    case 'batches':
      return { input: 0, output: 0, isFree: true };
    case 'images':
      return { input: tokensOf(asked.text('prompt')), output: tokensPerImage * countOf(asked.text('n')) };
    case 'speech':
      return { input: tokensOf(asked.text('input')), output: Math.ceil((asked.text('input') ?? '').length * spokenPerCharacter) };
    case 'transcription':
    case 'translation': {
      const seconds = Math.ceil((asked.bytes?.byteLength ?? 0) / bytesPerSecond);
      return { input: seconds * heardPerSecond, output: seconds * wordsPerSecond };
    }
    case 'moderation':
      return { input: Math.ceil((asked.bytes?.byteLength ?? 0) / charactersPerToken), output: 0, isFree: true };
    case 'rerank':
    case 'embeddings':
      return { input: Math.ceil((asked.bytes?.byteLength ?? 0) / charactersPerToken), output: 0 };
    default:
      return undefined;
  }
}

const tokensOf = (text: string | undefined): number => Math.ceil((text ?? '').length / charactersPerToken);
const countOf = (n: string | undefined): number => Math.min(10, Math.max(1, Number(n ?? 1) || 1));
