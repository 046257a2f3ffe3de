/** A file beside a segment that lists the batches which the store found too large. */
import { readFile, unlink } from 'node:fs/promises';
import { writeFileAtomically } from '../files/paths.ts';
import type { SplitTokens } from './insert-batch.ts';

export class SplitTokensFile implements SplitTokens {
  readonly #path: string;
  readonly #tokens: Set<string>;

  private constructor(path: string, tokens: readonly string[]) {
    this.#path = path;
    this.#tokens = new Set(tokens);
  }

  static async read(path: string): Promise<SplitTokensFile> {
    const text = await readFile(path, 'utf8').catch(() => '');
    return new SplitTokensFile(
      path,
      text.split('\n').filter(line => line !== ''),
    );
  }

  has(token: string): boolean {
    return this.#tokens.has(token);
  }

  async add(token: string): Promise<void> {
    this.#tokens.add(token);
    writeFileAtomically(this.#path, [...this.#tokens].join('\n'));
  }

  async remove(): Promise<void> {
    if (this.#tokens.size > 0) await unlink(this.#path).catch(() => {});
  }
}
