/** Fits single values to their limits: the same value gives the same result in every turn, and in a body as in a chat. */
import type { FieldLimits, NameLimit } from './field-limits.ts';

/** A hash in hex. It keeps shortened ids and names distinct, and equal in every turn. */
export type Hash = (text: string) => string;

const emailPattern = /[^\s@]+@[^\s@]+\.[^\s@]+/;
/** The maximum length of an address that is searched for, so that a long text is cheap. */
const emailLengthMax = 400;

/** A user's hash where the id is over the limit or an address that is refused, with the reason; the id itself elsewhere. */
export function fitUser(user: string, limit: FieldLimits['user'], hash: Hash): { readonly user: string; readonly reason?: string } {
  if (!limit) return { user };
  const isEmail = limit.refusesEmail === true && emailPattern.test(user.slice(0, emailLengthMax));
  if (!isEmail && isTaken(user, limit)) return { user };
  const reason = isEmail ? 'the target takes no e-mail address' : describeLimit(limit);
  return { user: hash(user).slice(0, limit.lengthMax), reason };
}

/** The entries of metadata that fit. */
export function fitMetadata(metadata: Readonly<Record<string, string>>, limit: FieldLimits['metadata']): Readonly<Record<string, string>> {
  if (!limit) return metadata;
  const { countMax, keyLengthMax, valueLengthMax } = limit;
  const fits = ([key, value]: [string, string]): boolean => key.length <= keyLengthMax && value.length <= valueLengthMax;
  const entries = Object.entries(metadata);
  const kept = entries.filter(fits).slice(0, countMax);
  return kept.length === entries.length ? metadata : Object.fromEntries(kept);
}

/** The limit in words, for a warning. */
export const describeLimit = ({ lengthMax, letters }: NameLimit): string =>
  `the target takes at most ${lengthMax} of the letters ${letters}`;

const hashLength = 8;
const firstLetter = /^[a-zA-Z_]/;
/** By accepted letters. Limits are constants, so the map stays small. */
const patterns = new Map<string, RegExp>();

/** Whether the target takes this name as it is. */
export function isTaken(name: string, { lengthMax, letters, startsWithLetter }: NameLimit): boolean {
  if (name === '' || name.length > lengthMax || (startsWithLetter && !firstLetter.test(name))) return false;
  let pattern = patterns.get(letters);
  if (!pattern) {
    pattern = new RegExp(`^[${letters}]+$`);
    patterns.set(letters, pattern);
  }
  return pattern.test(name);
}

/** The name itself where it fits, else its readable beginning with a hash of the whole name. */
export function fitName(name: string, limit: NameLimit | undefined, hash: Hash): string {
  if (!limit || isTaken(name, limit)) return name;
  const { lengthMax, letters, startsWithLetter } = limit;
  const starts = !startsWithLetter || firstLetter.test(name);
  const readable = (starts ? '' : '_') + name.replaceAll(new RegExp(`[^${letters}]`, 'g'), '_');
  const room = lengthMax - hashLength - 1;
  return room > 0 ? `${readable.slice(0, room)}_${hash(name).slice(0, hashLength)}` : hash(name).slice(0, lengthMax);
}
