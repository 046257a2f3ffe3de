/** Features of a response for a trained scorer: each in [0, 1], higher is more confident. None is a threshold's own signal. */
import type { ChatRequest, ChatResponse, Choice, Part, TokenLogprob } from '../chat/chat.ts';
import { parseJson } from '../chat/json.ts';
import { conforms } from '../chat/json-schema.ts';
import type { FeatureName, Signals } from './names.ts';
import { measureSignals, responseText } from './signal.ts';
import { valueTokens } from './value-tokens.ts';

/** All signals and features of a response by itself. */
export function measureSignalsAndFeatures(request: ChatRequest, response: ChatResponse): Signals {
  const choice = response.choices[0];
  if (!choice) return {};
  const text = responseText(response);
  const signals = measureSignals(request, response);
  const measured: { -readonly [Name in keyof Signals]: Signals[Name] } & Measured = {};
  if (choice.logprobs) addTokenFeatures(measured, choice.logprobs, text);
  addTextFeatures(measured, request, text);
  for (const name in signals) measured[name as keyof Signals] = signals[name as keyof Signals]!;
  measured.sound = soundness(request, choice, text, signals);
  return measured;
}

const noCalls: readonly (Part & { readonly type: 'tool-call' })[] = [];

/** A caller with so small a maximum wants the response cut. */
const intendedCutTokens = 16;
const failedFinishReasons: ReadonlySet<string> = new Set(['content-filter', 'refusal', 'error']);

function soundness(
  { tools, maxOutputTokens = Number.POSITIVE_INFINITY }: ChatRequest,
  choice: Choice,
  text: string,
  signals: Signals,
): 0 | 1 {
  const { reason } = choice.finish;
  const calls = choice.content.some(isToolCall) ? choice.content.filter(isToolCall) : noCalls;
  const failed =
    failedFinishReasons.has(reason) ||
    (reason === 'length' && maxOutputTokens > intendedCutTokens) ||
    (text.trim() === '' && calls.length === 0) ||
    choice.content.some(isRefusalPart) ||
    signals.schema_valid === 0 ||
    isRefusalText(text) ||
    calls.some(call => !matchesTool(call, tools));
  return failed ? 0 : 1;
}

const isToolCall = (part: Part): part is Part & { readonly type: 'tool-call' } => part.type === 'tool-call';
const isRefusalPart = ({ type }: Part): boolean => type === 'refusal';

function matchesTool(call: { readonly name: string; readonly arguments: string }, tools: ChatRequest['tools']): boolean {
  const tool = tools.find(({ name }) => name === call.name);
  const given = parseJson(call.arguments.trim() === '' ? '{}' : call.arguments);
  if (given === undefined) return false;
  return tool?.parameters === undefined || conforms(given, tool.parameters);
}

/** A longer text that begins like a refusal usually answers after all. */
const refusalLengthMax = 600;
const refusalPattern =
  /^\W*(?:i['’]?m (?:really |very )?sorry,? but |sorry,? but |unfortunately,? |as an ai[^.]{0,60}, )?(?:i (?:cannot|can['’]t|can not|won['’]t|will not)|i(?:['’]m| am) (?:unable|not able))(?: to)? (?:help|assist|provide|answer|comply|fulfil|do that|discuss|create|write|generate|share|support)/i;
const isRefusalText = (text: string): boolean => text.length <= refusalLengthMax && refusalPattern.test(text);

type Measured = Partial<Record<FeatureName, number>>;

const probability = (logprob: number): number => Math.min(1, Math.max(0, Math.exp(logprob)));

function addTokenFeatures(to: Measured, tokens: readonly TokenLogprob[], text: string): void {
  const logprobs = tokens.map(t => t.logprob).filter(Number.isFinite);
  if (logprobs.length === 0) return;
  const sorted = logprobs.toSorted((a, b) => a - b);
  const values = /^\s*[{[]/.test(text) ? valueTokens(tokens).filter(t => Number.isFinite(t.logprob)) : [];
  to.quantile_logprob_20 = probability(sorted[Math.floor(0.2 * (sorted.length - 1))]!);
  if (values.length > 0) to.value_logprob = probability(values.reduce((sum, t) => sum + t.logprob, 0) / values.length);
}

/** Longer texts are measured by their beginning. */
const textLengthMax = 20_000;
const hedgePattern =
  /\b(?:i think|i believe|i guess|i am not sure|i['’]m not sure|perhaps|maybe|possibly|probably|it seems|might be|could be|not certain|unclear|hard to say)\b/gi;

function addTextFeatures(to: Measured, { messages }: ChatRequest, fullText: string): void {
  const text = fullText.slice(0, textLengthMax);
  const asciiWords = wordsOfAscii(text);
  const words = asciiWords ?? wordsOfAnyScript(text);
  if (words.length === 0) return;
  // Beside a letter of another script the words are not counted as ASCII words, but the expression may still match.
  const mayHedge = !asciiWords || saysHedge(asciiWords);
  const hedged = mayHedge ? (text.match(hedgePattern)?.length ?? 0) : 0;
  const promptScript = scriptOf(lastUserText(messages));
  const responseScript = asciiWords ? scriptOfAscii(text) : scriptOf(text);
  to.brevity = 1 / (1 + words.length / 200);
  to.unhedged = 1 / (1 + (50 * hedged) / words.length);
  if (words.length >= 3) to.variety = countDistinctTrigrams(words) / (words.length - 2);
  if (promptScript !== undefined && responseScript !== undefined) to.same_script = promptScript === responseScript ? 1 : 0;
}

/** Words are compared by a hash of their letters, because every response is measured and cutting strings costs more. */
const emptyWordHash = 0x811c9dc5 | 0;
const addToHash = (word: number, letter: number): number => Math.imul(word ^ letter, 0x01000193);

function saysHedge(words: ArrayLike<number>): boolean {
  for (let i = 0; i < words.length; i++) if (hedgeWordHashes.has(words[i]!)) return true;
  return false;
}

/** Memory that is used again for each text, as one is measured before the next: hashes of words, and a table of trigrams with the number of its last use. */
let wordHashes = new Int32Array(4_096);
let trigrams = new Float64Array(4_096);
let trigramUses = new Uint32Array(4_096);
let use = 0;

/** Undefined when the text is not all ASCII. Valid until the next call. */
function wordsOfAscii(text: string): ArrayLike<number> | undefined {
  if (wordHashes.length < text.length / 2 + 1) wordHashes = new Int32Array(text.length);
  let count = 0;
  let word = emptyWordHash;
  for (let i = 0; i < text.length; i++) {
    const code = text.charCodeAt(i);
    if (code >= 0x80) return undefined;
    const isCapital = code >= 0x41 && code <= 0x5a;
    if (isCapital || (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39))
      word = addToHash(word, isCapital ? code | 0x20 : code);
    else if (word !== emptyWordHash) {
      wordHashes[count++] = word;
      word = emptyWordHash;
    }
  }
  if (word !== emptyWordHash) wordHashes[count++] = word;
  return wordHashes.subarray(0, count);
}

const wordsOfAnyScript = (text: string): readonly number[] => (text.toLowerCase().match(/[\p{L}\p{N}]+/gu) ?? []).map(hashWord);

function hashWord(word: string): number {
  let number = emptyWordHash;
  for (let i = 0; i < word.length; i++) number = addToHash(number, word.charCodeAt(i));
  return number;
}

/** Every hedge contains one of them. */
const hedgeWordHashes: ReadonlySet<number> = new Set(
  'think believe guess sure perhaps maybe possibly probably seems might could certain unclear hard'.split(' ').map(hashWord),
);

/** The number of distinct word trigrams. Counted in a table of numbers, which costs less than a Set. */
function countDistinctTrigrams(words: ArrayLike<number>): number {
  const size = 2 ** Math.ceil(Math.log2(2 * words.length));
  if (trigrams.length < size || use === 0xffff_ffff) {
    trigrams = new Float64Array(Math.max(size, trigrams.length));
    trigramUses = new Uint32Array(trigrams.length);
    use = 0;
  }
  use++;
  let count = 0;
  for (let i = 0; i + 2 < words.length; i++) {
    const first = words[i]! ^ Math.imul(words[i + 1]!, 0x9e3779b1);
    const second = Math.imul(words[i + 2]!, 0x85ebca6b) >>> 11;
    // As doubles, whose 53 bits keep trigrams apart in any realistic text.
    const triple = first * 0x200000 + second;
    let slot = (first ^ second) & (size - 1);
    while (trigramUses[slot] === use && trigrams[slot] !== triple) slot = (slot + 1) & (size - 1);
    if (trigramUses[slot] === use) continue;
    count++;
    trigramUses[slot] = use;
    trigrams[slot] = triple;
  }
  return count;
}

const lastUserText = (messages: ChatRequest['messages']): string =>
  (messages.findLast(({ role }) => role === 'user')?.content ?? [])
    .map(part => (part.type === 'text' ? part.text : ''))
    .join(' ')
    .slice(0, textLengthMax);

const scripts: readonly (readonly [string, RegExp])[] = [
  ['latin', /\p{Script=Latin}/gu],
  ['cyrillic', /\p{Script=Cyrillic}/gu],
  ['chinese or japanese', /[\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}]/gu],
  ['korean', /\p{Script=Hangul}/gu],
  ['arabic', /\p{Script=Arabic}/gu],
  ['devanagari', /\p{Script=Devanagari}/gu],
  ['greek', /\p{Script=Greek}/gu],
  ['hebrew', /\p{Script=Hebrew}/gu],
];

const scriptLengthMax = 500;

/** The script of most of the first letters; undefined with too few letters. */
function scriptOf(text: string): string | undefined {
  const end = Math.min(text.length, scriptLengthMax);
  for (let i = 0; i < end; i++) if (text.charCodeAt(i) >= 0x80) return scriptOfAny(text.slice(0, scriptLengthMax));
  return scriptOfAscii(text);
}

const scriptLettersMin = 3;

function scriptOfAscii(text: string): string | undefined {
  const end = Math.min(text.length, scriptLengthMax);
  let latin = 0;
  for (let i = 0; i < end && latin < scriptLettersMin; i++) {
    const lower = text.charCodeAt(i) | 0x20;
    if (lower >= 0x61 && lower <= 0x7a) latin++;
  }
  return latin >= scriptLettersMin ? 'latin' : undefined;
}

function scriptOfAny(head: string): string | undefined {
  const counts = scripts.map(([name, letters]) => [name, head.match(letters)?.length ?? 0] as const);
  const [name, most] = counts.reduce((a, b) => (b[1] > a[1] ? b : a));
  return most >= scriptLettersMin ? name : undefined;
}
