/** Expands `${VAR}`, `${VAR:-default}` and `${file:/path}` in texts of the config. `$${` is a literal `${`. */
import { readFileSync, statSync } from 'node:fs';
import { isAbsolute, resolve } from 'node:path';
import { quoted } from '../problem.ts';

export interface Expanded {
  readonly text: string;
  /** The variables and files, as written: `OPENAI_API_KEY`, `file:/run/secrets/key`. [] when there was nothing to expand. */
  readonly origins: readonly string[];
  /** Absolute paths of the named files, readable or not. */
  readonly files: readonly string[];
  readonly problems: readonly string[];
}

export interface ExpansionContext {
  /** The base of relative paths in `${file:…}`. */
  readonly directory: string;
  readonly environment: Readonly<Record<string, string | undefined>>;
}

const reference = /\$(\$?)\{([^{}]*)(\}?)/g;
const variable = /^([A-Za-z_][A-Za-z0-9_]*)(?::-(.*))?$/s;
const fileBytesMax = 64 * 1024;

/** The expanded text with its variables, files and problems. Never throws. */
export function expandText(text: string, context: ExpansionContext): Expanded {
  const origins: string[] = [];
  const files: string[] = [];
  const problems: string[] = [];
  const expanded = text.replace(reference, (match, dollar: string, inner: string, close: string) => {
    if (dollar !== '') return match.slice(1);
    if (close === '') {
      problems.push(`"\${" has no "}"; close it, or write "$\${" for a literal "\${"`);
      return '';
    }
    if (inner.startsWith('file:')) {
      const file = isAbsolute(inner.slice(5)) ? inner.slice(5) : resolve(context.directory, inner.slice(5));
      origins.push(inner);
      files.push(file);
      const read = readSecret(file);
      if (read.problem !== undefined) problems.push(`${quoted(`\${${inner}}`)} cannot be expanded: ${read.problem}`);
      return read.text;
    }
    const [, name, otherwise] = variable.exec(inner) ?? [];
    if (name === undefined) {
      problems.push(`${quoted(`\${${inner}}`)} is not a variable; write \${NAME}, \${NAME:-default} or \${file:/path}`);
      return '';
    }
    const value = Object.hasOwn(context.environment, name) ? context.environment[name] : undefined;
    const byDefault = otherwise !== undefined && !value;
    origins.push(byDefault ? `${name} (its default)` : name);
    if (byDefault) return otherwise;
    if (value === undefined) problems.push(`environment variable ${name} is not set; set it, or write \${${name}:-default}`);
    return value ?? '';
  });
  return { text: expanded, origins, files, problems };
}

/** The file's text without the newline at its end. */
function readSecret(file: string): { readonly text: string; readonly problem?: string } {
  try {
    const stats = statSync(file);
    // Reading a device or a pipe may never end.
    if (!stats.isFile()) return { text: '', problem: 'it is not a regular file' };
    if (stats.size > fileBytesMax) return { text: '', problem: `it is larger than ${fileBytesMax} bytes` };
    return { text: new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file)).replace(/\r?\n$/, '') };
  } catch (error) {
    return { text: '', problem: describeReadError(error) };
  }
}

/** Why a file could not be read, for a message. */
export function describeReadError(error: unknown): string {
  const { code } = error as { code?: string };
  switch (code) {
    case 'ENOENT':
      return 'there is no such file';
    case 'EACCES':
    case 'EPERM':
      return 'permission denied: check its permissions';
    case 'EISDIR':
      return 'it is a folder, not a file';
    case 'ERR_ENCODING_INVALID_ENCODED_DATA':
      return 'it is not UTF-8 text';
    default:
      return `it cannot be read (${code ?? 'unknown reason'})`;
  }
}
