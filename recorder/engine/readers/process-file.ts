/** A file of this folder in its present form: source here, JavaScript in the published package. */
import { fileURLToPath } from 'node:url';

export const fileOf = (name: string): string =>
  fileURLToPath(new URL(`./${name}${import.meta.url.endsWith('.ts') ? '.ts' : '.js'}`, import.meta.url));
