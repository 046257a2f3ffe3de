/** Selects the tools to call: forced ones, or those that the prompt mentions. */
import type { SimulatedRequest, Tool } from './request.ts';
import { pickSeeded } from './values/words.ts';

const callsMax = 8;

/** None while results of earlier calls are unanswered. */
export function toolsToCall({ tools, toolChoice, prompt, results, parallelCalls, seed }: SimulatedRequest): readonly Tool[] {
  if (tools.length === 0 || toolChoice === 'none') return [];
  if (typeof toolChoice === 'object') return tools.filter(tool => tool.name === toolChoice.name).slice(0, 1);
  if (toolChoice === 'auto' && results.length > 0) return [];
  const mentioned = tools.filter(tool => isMentioned(tool, prompt));
  const called = mentioned.length === 0 && toolChoice === 'required' ? [pickSeeded(tools, seed, 'tool')] : mentioned;
  return called.slice(0, parallelCalls ? callsMax : 1);
}

const wordLengthMin = 4;
/** Words of a tool's name that do not describe its subject. */
const genericWords: ReadonlySet<string> = new Set(
  'call check create delete fetch find from info information list lookup make query read search send tool update with write'.split(' '),
);

/** `get_weather` is mentioned by a prompt about the weather. */
function isMentioned({ name }: Tool, prompt: string): boolean {
  const promptText = prompt.toLowerCase();
  const words = name
    .replace(/(\p{Ll})(\p{Lu})/gu, '$1 $2')
    .toLowerCase()
    .split(/[^\p{L}]+/u);
  const isTelling = (word: string): boolean => word.length >= wordLengthMin && !genericWords.has(word) && promptText.includes(word);
  return promptText.includes(name.toLowerCase()) || words.some(isTelling);
}
