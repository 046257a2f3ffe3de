/** The worker thread that counts tokens. It loads an encoding at its first use. */
import { parentPort } from 'node:worker_threads';
import { type CountRequest, type CountResult, countTexts, type Encoder } from './count.ts';

const loaded = new Map<string, Promise<Encoder>>();

function load(encoding: CountRequest['encoding']): Promise<Encoder> {
  const known = loaded.get(encoding);
  if (known) return known;
  const encoder = encoding === 'cl100k_base' ? import('gpt-tokenizer/encoding/cl100k_base') : import('gpt-tokenizer/encoding/o200k_base');
  loaded.set(encoding, encoder);
  return encoder;
}

parentPort!.on('message', async ({ id, encoding, groups }: CountRequest) => {
  const { countTokens } = await load(encoding);
  parentPort!.postMessage({ id, counts: groups.map(texts => countTexts(countTokens, texts)) } satisfies CountResult);
});
