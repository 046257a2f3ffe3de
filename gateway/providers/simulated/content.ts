/** What the simulation says: the same words from all who are right, and another number from one who is wrong. */
import { isObject, type Json } from '../../core/json.ts';
import { coin } from '../../core/random.ts';
import { conforms } from '../../core/schema.ts';
import type { Asked, Said, Tool } from './asked.ts';
import type { Verdict } from './mind.ts';
import type { Piece } from './piece.ts';
import { fill } from './schema.ts';
import { greeting, identifier, isGreeting, statement, tokenise } from './words.ts';

export const greets = ({ output, results, prompt }: Asked): boolean => output === 'text' && results.length === 0 && isGreeting(prompt);

/** `own` seeds what this answer has alone. `length` is the number of tokens, of texts only. Undefined when a schema cannot be filled. */
export function say(asked: Asked, verdict: Verdict, own: string, length: number | undefined): readonly Piece[] | undefined {
  return tokensOf(asked, verdict, own, length)?.map(text => ({ type: 'text', text }));
}

/** A tool whose arguments cannot be filled is called without any. */
export function call(tools: readonly Tool[], question: string, verdict: Verdict, own: string): readonly Piece[] {
  return tools.flatMap((tool, i): readonly Piece[] => {
    const filled = fillAs(tool.parameters, `${question} ${i}`, verdict, `${own} ${i}`);
    const given = JSON.stringify(isObject(filled) ? filled : {});
    return [
      { type: 'call', id: `call_${identifier(own, `call ${i}`, 24)}`, name: tool.name },
      ...tokenise(given).map(text => ({ type: 'arguments', text }) as const),
    ];
  });
}

function tokensOf(asked: Asked, verdict: Verdict, own: string, length: number | undefined): readonly string[] | undefined {
  if (typeof asked.output === 'object') {
    const filled = fillAs(asked.output.schema, asked.seed, verdict, own);
    return filled === undefined ? undefined : tokenise(JSON.stringify(filled));
  }
  const number = numberAs(asked.seed, verdict, own);
  if (asked.output === 'json') return tokenise(JSON.stringify({ answer: number }));
  if (greets(asked) && length === undefined) return greeting(asked.seed);
  return statement(asked.seed, number, sourceOf(asked.results), length);
}

const numberMin = 1_000;
const numbers = 9_000;

function numberAs(question: string, { right }: Verdict, own: string): number {
  const truth = Math.floor(coin(question, 'number') * numbers);
  const error = right ? 0 : 1 + Math.floor(coin(own, 'number') * (numbers - 1));
  return numberMin + ((truth + error) % numbers);
}

const wrongTriesMax = 4;

/** What is wrong differs from what is right where the schema leaves room for it. */
function fillAs(schema: Json, question: string, { right, confidence }: Verdict, own: string): Json | undefined {
  const truth = fill(schema, question);
  for (let i = 0; !right && truth !== undefined && i < wrongTriesMax; i++) {
    const other = fill(schema, `${own} wrong ${i}`);
    if (other !== undefined && JSON.stringify(other) !== JSON.stringify(truth)) return tellConfidence(schema, other, confidence);
  }
  return tellConfidence(schema, truth, confidence);
}

/** Where a schema asks how sure the model is, it is told. */
function tellConfidence(schema: Json, value: Json | undefined, confidence: number): Json | undefined {
  if (!isObject(value) || typeof value.confidence !== 'number') return value;
  const told = { ...value, confidence: Math.round(confidence * 100) / 100 };
  return conforms(told, schema) ? told : value;
}

const sourcesMax = 4;
const quoteLengthMax = 60;

function sourceOf(results: readonly Said[]): string | undefined {
  const told = results.slice(0, sourcesMax).map(({ name, text }) => {
    const quote = text
      .slice(0, 2 * quoteLengthMax)
      .replace(/\s+/g, ' ')
      .trim();
    return `${name} ("${quote.slice(0, quoteLengthMax)}")`;
  });
  return told.length === 0 ? undefined : told.join(' and ');
}
