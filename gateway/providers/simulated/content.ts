/** The simulation's content: the same text from all models that are right, and another number from one that is wrong. */

import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import { isObject, type Json } from '../../core/chat/json.ts';
import { conforms } from '../../core/chat/json-schema.ts';
import type { TokenPiece } from './limits.ts';
import type { Correctness } from './model-profile.ts';
import type { SimulatedRequest, Tool, ToolResult } from './request.ts';
import { generateValue } from './values/schema-value.ts';
import { greeting, identifier, isGreeting, statement, tokenise } from './values/words.ts';

/** Whether the prompt is a plain greeting, which every simulated model answers alike. */
export const isGreetingRequest = ({ output, results, prompt }: SimulatedRequest): boolean =>
  output === 'text' && results.length === 0 && isGreeting(prompt);

/**
 * `choiceSeed` seeds what is specific to this choice. `length` is the number of tokens, for texts only. Undefined when no value conforms to
 * a schema.
 */
export function textPieces(
  request: SimulatedRequest,
  verdict: Correctness,
  choiceSeed: string,
  length: number | undefined,
): readonly TokenPiece[] | undefined {
  return tokensOf(request, verdict, choiceSeed, length)?.map(text => ({ type: 'text', text }));
}

/** A tool without conforming arguments is called with none. */
export function callPieces(tools: readonly Tool[], promptSeed: string, verdict: Correctness, choiceSeed: string): readonly TokenPiece[] {
  return tools.flatMap((tool, i): readonly TokenPiece[] => {
    const filled = fillSchema(tool.parameters, `${promptSeed} ${i}`, verdict, `${choiceSeed} ${i}`);
    const given = JSON.stringify(isObject(filled) ? filled : {});
    return [
      { type: 'call', id: `call_${identifier(choiceSeed, `call ${i}`, 24)}`, name: tool.name },
      ...tokenise(given).map(text => ({ type: 'arguments', text }) as const),
    ];
  });
}

function tokensOf(
  request: SimulatedRequest,
  verdict: Correctness,
  choiceSeed: string,
  length: number | undefined,
): readonly string[] | undefined {
  if (typeof request.output === 'object') {
    const filled = fillSchema(request.output.schema, request.seed, verdict, choiceSeed);
    return filled === undefined ? undefined : tokenise(JSON.stringify(filled));
  }
  const number = answerNumber(request.seed, verdict, choiceSeed);
  if (request.output === 'json') return tokenise(JSON.stringify({ answer: number }));
  if (isGreetingRequest(request) && length === undefined) return greeting(request.seed);
  return statement(request.seed, number, sourceOf(request.results), length);
}

const numberMin = 1_000;
const numbers = 9_000;

function answerNumber(promptSeed: string, { isCorrect }: Correctness, choiceSeed: string): number {
  const truth = Math.floor(seededUniform(promptSeed, 'number') * numbers);
  const error = isCorrect ? 0 : 1 + Math.floor(seededUniform(choiceSeed, 'number') * (numbers - 1));
  return numberMin + ((truth + error) % numbers);
}

const wrongTriesMax = 4;

/** A wrong value differs from the right one where the schema allows it. */
function fillSchema(schema: Json, promptSeed: string, { isCorrect, confidence }: Correctness, choiceSeed: string): Json | undefined {
  const truth = generateValue(schema, promptSeed);
  for (let i = 0; !isCorrect && truth !== undefined && i < wrongTriesMax; i++) {
    const other = generateValue(schema, `${choiceSeed} wrong ${i}`);
    if (other !== undefined && JSON.stringify(other) !== JSON.stringify(truth)) return withConfidence(schema, other, confidence);
  }
  return withConfidence(schema, truth, confidence);
}

/** Where a schema has a confidence, it gets the simulated one. */
function withConfidence(schema: Json, value: Json | undefined, confidence: number): Json | undefined {
  if (!isObject(value) || typeof value.confidence !== 'number') return value;
  const withValue = { ...value, confidence: Math.round(confidence * 100) / 100 };
  return conforms(withValue, schema) ? withValue : value;
}

const sourcesMax = 4;
const quoteLengthMax = 60;

function sourceOf(results: readonly ToolResult[]): string | undefined {
  const quotes = results.slice(0, sourcesMax).map(({ name, text }) => {
    const quote = text
      .slice(0, 2 * quoteLengthMax)
      .replace(/\s+/g, ' ')
      .trim();
    return `${name} ("${quote.slice(0, quoteLengthMax)}")`;
  });
  return quotes.length === 0 ? undefined : quotes.join(' and ');
}
