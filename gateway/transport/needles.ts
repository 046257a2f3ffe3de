/** The forms in which a secret may come back: as it is, and in base64 at each of the three places of a group. */
import type { Secret } from '../settings/secret.ts';
import { Sieve } from './sieve.ts';

export interface Needles {
  /** The secret and its parts, as they are. */
  readonly plain: readonly Buffer[];
  /** With those in base64. */
  readonly all: readonly Buffer[];
  readonly texts: readonly string[];
  /** Of all of them; absent when there are none. */
  readonly sieve?: Sieve;
}

/** A shorter key is a placeholder such as `none`, and its letters are everywhere. */
const lengthMin = 8;
/** Of a part of a key: ids and secrets of an account that are joined by colons. */
const partLengthMin = 16;
/** Fewer characters of base64 than this say too little. */
const encodedLengthMin = 12;

const none: Needles = { plain: [], all: [], texts: [] };
const known = new WeakMap<Secret, Needles>();

export function needlesOf(key: Secret | undefined): Needles {
  if (!key) return none;
  const made = known.get(key);
  if (made) return made;
  const needles = make(key.reveal());
  known.set(key, needles);
  return needles;
}

function make(whole: string): Needles {
  const parts = whole.includes(':') ? whole.split(':').filter(part => part.length >= partLengthMin) : [];
  const secrets = [...(whole.length < lengthMin ? [] : [whole]), ...parts];
  const texts = [...new Set([...secrets, ...secrets.flatMap(encoded)])];
  if (texts.length === 0) return none;
  const all = texts.map(text => Buffer.from(text));
  return { plain: secrets.map(secret => Buffer.from(secret)), all, texts, sieve: new Sieve(all) };
}

/** Only the characters that are the secret's alone: those at the ends depend on what stands beside it. */
function encoded(secret: string): readonly string[] {
  const bytes = Buffer.from(secret);
  return [0, 1, 2].flatMap(before => {
    const text = Buffer.concat([Buffer.alloc(before), bytes]).toString('base64');
    const inner = text.slice(Math.ceil((before * 8) / 6), Math.floor(((before + bytes.length) * 8) / 6));
    if (inner.length < encodedLengthMin) return [];
    return [...new Set([inner, inner.replaceAll('+', '-').replaceAll('/', '_')])];
  });
}
