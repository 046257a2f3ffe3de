/** The forms in which a secret may come back: as it is, and in base64 at each of the three places of a group. */
import type { Secret } from '../settings/secret.ts';
import { SecretPrefilter } from './secret-prefilter.ts';

export interface SecretForms {
  /** The secret and its parts, as they are. */
  readonly plain: readonly Buffer[];
  /** With those in base64. */
  readonly encoded: readonly Buffer[];
  readonly texts: readonly string[];
  /** Of all of them; absent when there are none. */
  readonly prefilter?: SecretPrefilter;
}

/** A shorter key is a placeholder such as `none`, and its letters are everywhere. */
const lengthMin = 8;
/** Of a part of a key: ids and secrets of an account that are joined by colons. */
const partLengthMin = 16;
/** Fewer characters of base64 than this say too little. */
const encodedLengthMin = 12;

const noForms: SecretForms = { plain: [], encoded: [], texts: [] };
const cache = new WeakMap<Secret, SecretForms>();

export function secretFormsOf(key: Secret | undefined): SecretForms {
  if (!key) return noForms;
  const cached = cache.get(key);
  if (cached) return cached;
  const forms = buildForms(key.reveal());
  cache.set(key, forms);
  return forms;
}

function buildForms(whole: string): SecretForms {
  const parts = whole.includes(':') ? whole.split(':').filter(part => part.length >= partLengthMin) : [];
  const secrets = [...(whole.length < lengthMin ? [] : [whole]), ...parts];
  const texts = [...new Set([...secrets, ...secrets.flatMap(base64Forms)])];
  if (texts.length === 0) return noForms;
  const all = texts.map(text => Buffer.from(text));
  return { plain: secrets.map(secret => Buffer.from(secret)), encoded: all, texts, prefilter: new SecretPrefilter(all) };
}

/** Only the characters that are the secret's alone: those at the ends depend on what stands beside it. */
function base64Forms(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].flatMap(before => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const inner = text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    if (inner.length < encodedLengthMin) return [];
    return [...new Set([inner, inner.replaceAll('+', '-').replaceAll('/', '_')])];
  });
}
