/** A config's text fit to be shown: a secret that stands in it reads `[secret:fingerprint]`, and is put back when the text returns. */
import { createHash } from 'node:crypto';
import { isScalar, parseDocument, visit } from 'yaml';
import { isSecretPath } from '../checks/schema-findings.ts';
import { looksLikeSecret, type Path } from '../problem.ts';

export interface MaskedText {
  readonly text: string;
  /** What stood in each place, by its mask. */
  readonly secrets: ReadonlyMap<string, string>;
}

/** A text that is no YAML is not shown at all: its secrets cannot be found. */
export function maskSecrets(text: string): MaskedText | undefined {
  const document = parseDocument(text, { prettyErrors: false, logLevel: 'silent' });
  if (document.errors.length > 0) return undefined;
  const places: { readonly start: number; readonly end: number; readonly mask: string }[] = [];
  const secrets = new Map<string, string>();
  visit(document, {
    Scalar: (key, node, ancestors) => {
      if (key === 'key' || typeof node.value !== 'string' || !node.range) return;
      const isSecret = isMaskedPath(pathOf(key, ancestors)) || looksLikeSecret(node.value.replace(/^sha256:[0-9a-f]{64}$/i, ''));
      if (!isSecret || isHarmless(node.value)) return;
      const [start, end] = node.range;
      const source = text.slice(start, end);
      const mask = `"[secret:${createHash('sha256').update(source).digest('hex').slice(0, 16)}]"`;
      secrets.set(mask, source);
      places.push({ start, end, mask });
    },
  });
  let masked = text;
  for (const { start, end, mask } of places.toSorted((a, b) => b.start - a.start))
    masked = masked.slice(0, start) + mask + masked.slice(end);
  return { text: masked, secrets };
}

/** `old` is the text that was masked. */
export function unmaskSecrets(text: string, old: string): string {
  const { secrets = new Map<string, string>() } = maskSecrets(old) ?? {};
  return text.replace(/"\[secret:[0-9a-f]{16}\]"/g, mask => secrets.get(mask) ?? mask);
}

/** A variable names where the secret stands, and an address without user and query holds none. */
function isHarmless(value: string): boolean {
  if (value === '' || value === 'embedded' || value === 'sqlite' || /^\$\{[^}]+\}$/.test(value)) return true;
  const url = URL.parse(value);
  return url !== null && /^(?:https?|rediss?):$/.test(url.protocol) && url.username === '' && url.password === '' && url.search === '';
}

/** A hash gives no access, and distinguishes two keys. */
function isMaskedPath(path: Path): boolean {
  const [top, second] = path;
  if (top === 'keys') return false;
  return isSecretPath(path) || (top === 'state' && second === 'url' && path.length === 2);
}

/** Names and numbers that lead to a value. */
function pathOf(key: unknown, ancestors: readonly unknown[]): Path {
  const path: (string | number)[] = [];
  for (const ancestor of ancestors) {
    if (typeof ancestor === 'object' && ancestor !== null && 'key' in ancestor && isScalar(ancestor.key))
      path.push(String(ancestor.key.value));
  }
  if (typeof key === 'number') path.push(key);
  return path;
}
