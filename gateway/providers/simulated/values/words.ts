/** The simulation's language: seeded sentences, cut into tokens. */
import { seededUniform } from '../../../../statistics/distributions/seeded-uniform.ts';

export const nouns = [
  'harbour',
  'ledger',
  'lantern',
  'orchard',
  'compass',
  'granite',
  'meadow',
  'signal',
  'archive',
  'voyage',
  'copper',
  'summit',
  'thread',
  'mirror',
  'engine',
  'garden',
] as const;

const sentences = [
  'It follows from the {noun} and the {noun}.',
  'Nothing in the {noun} contradicts it.',
  'A second look at the {noun} confirms it.',
  'The {noun} leaves no other possibility.',
  'Without the {noun}, the {noun} would not add up.',
  'The {noun} points the same way as the {noun}.',
  'One could start from the {noun} and arrive at the same result.',
  'That is also what the {noun} suggests.',
] as const;
const supportSentencesMax = 3;

const greetings = ['Hello! How can I help you today?', 'Hello! What can I do for you?', 'Hi there! How can I help?'] as const;
const greetingLengthMax = 40;

/** A short greeting, or a request for one. */
export const isGreeting = (text: string): boolean =>
  text.length <= greetingLengthMax && /^\W*(please )?(say )?(hello|hi|hey|greetings|good (morning|afternoon|evening))\b[^?]*$/i.test(text);

/** A seeded greeting, as tokens. */
export const greeting = (seed: string): readonly string[] => tokenise(pickSeeded(greetings, seed, 'greeting'));

/**
 * The tokens of an answer with up to three supporting sentences; exactly `length` tokens when given.
 * `source` is the source that the answer names.
 */
export function statement(seed: string, answer: number, source: string | undefined, length?: number): readonly string[] {
  const tokens = [...tokenise(source === undefined ? `The answer is ${answer}.` : `According to ${source}, the answer is ${answer}.`)];
  const support = Math.floor(seededUniform(seed, 'support') * (supportSentencesMax + 1));
  for (let i = 0; length === undefined ? i < support : tokens.length < length; i++) tokens.push(...tokenise(` ${sentence(seed, i)}`));
  return length === undefined ? tokens : tokens.slice(0, length);
}

function sentence(seed: string, i: number): string {
  let slot = 0;
  return pickSeeded(sentences, seed, `sentence ${i}`).replaceAll('{noun}', () => pickSeeded(nouns, seed, `noun ${i} ${slot++}`));
}

/** Splits text into pieces of about a model's token size; joined they equal the text. */
export const tokenise = (text: string): readonly string[] =>
  text.match(/[ \n]?[\p{L}\p{M}\p{N}_]{1,7}| ?[^\s\p{L}\p{M}\p{N}_]{1,3}|\s+/gu) ?? [];

/** One element of the list, chosen by seed and label. */
export const pickSeeded = <T>(list: readonly T[], seed: string, label: string): T =>
  list[Math.floor(seededUniform(seed, label) * list.length)]!;

const alphabet = 'ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789';

const charactersPerDraw = 5;

/** An id of `length` letters and digits. */
export function identifier(seed: string, label: string, length: number): string {
  let id = '';
  for (let i = 0; id.length < length; i++) {
    let remainder = Math.floor(seededUniform(seed, `${label} ${i}`) * alphabet.length ** charactersPerDraw);
    for (let position = 0; position < charactersPerDraw; position++) {
      id += alphabet[remainder % alphabet.length];
      remainder = Math.floor(remainder / alphabet.length);
    }
  }
  return id.slice(0, length);
}
