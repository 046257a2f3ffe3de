/** `hindcast eval label`: blind human labels of recorded responses. */
import { createInterface } from 'node:readline/promises';
import { CommandError, exit, loadSettings, note, printResult } from '../../../gateway/cli/command.ts';
import { parseCsv, printCsv } from '../../../recorder/export/csv.ts';
import { insertScores, type NewScore } from '../../../recorder/store/scores.ts';
import { parseCount } from '../../../replay/recorded/selection.ts';
import { seededUniform } from '../../../statistics/distributions/seeded-uniform.ts';
import { count } from '../../report/shared/format.ts';
import { readText, writeText } from '../shared/options.ts';
import { type AnswerOptions, loadAnswers, type RecordedAnswer } from '../shared/recorded-answers.ts';
import { withStore } from '../shared/store-outcomes.ts';

export interface LabelOptions extends AnswerOptions {
  readonly sample: string;
  readonly name: string;
  readonly by: string;
  readonly output?: string;
  readonly import?: string;
}

export async function runLabel(options: LabelOptions): Promise<void> {
  const settings = loadSettings(options);
  const sample = parseCount(options.sample, '--sample');
  if (options.import === undefined && options.output === undefined && !process.stdin.isTTY)
    throw new CommandError(
      exit.usage,
      'There is no terminal to ask in: write a table with -o labels.csv, fill in its last column, and bring it back with --import labels.csv.',
    );
  await withStore(settings, async store => {
    const { answers } = await loadAnswers(store, options);
    if (options.output !== undefined) return exportTable(options.output, sampleAnswers(answers, sample), options);
    const given =
      options.import === undefined ? await promptForLabels(sampleAnswers(answers, sample)) : importTable(options.import, answers);
    const scores = given.map(
      ({ answer, value }): NewScore => ({ about: answer, name: options.name, value, source: 'human', evaluator: options.by }),
    );
    await insertScores(store, scores);
    printResult(
      options,
      { labelled: scores.length, name: options.name },
      () => `${count(scores.length, 'label')} kept as ${options.name}, by ${options.by}.`,
    );
  });
}

/** The same responses for every labeller, in an order that does not reveal the target. */
const sampleAnswers = (answers: readonly RecordedAnswer[], most: number): readonly RecordedAnswer[] =>
  answers.toSorted((a, b) => seededUniform(a.id, 'label') - seededUniform(b.id, 'label')).slice(0, most);

interface GivenLabel {
  readonly answer: RecordedAnswer;
  readonly value: number;
}

const values: Readonly<Record<string, number>> = { y: 1, yes: 1, n: 0, no: 0, h: 0.5, half: 0.5 };

async function promptForLabels(answers: readonly RecordedAnswer[]): Promise<readonly GivenLabel[]> {
  const terminal = createInterface({ input: process.stdin, output: process.stderr });
  const given: GivenLabel[] = [];
  try {
    for (const [i, about] of answers.entries()) {
      note(`\n── ${i + 1} of ${answers.length} ──────────────────────────────\n${about.question}\n── answer ──\n${textOf(about)}\n`);
      const label = await promptForLabel(terminal);
      if (label === 'quit') break;
      if (label !== undefined) given.push({ answer: about, value: label });
    }
  } finally {
    terminal.close();
  }
  return given;
}

async function promptForLabel(terminal: { question(text: string): Promise<string> }): Promise<number | 'quit' | undefined> {
  for (;;) {
    const input = (await terminal.question('Right? y(es) n(o) h(alf) s(kip) q(uit) ')).trim().toLowerCase();
    if (input === 'q' || input === 'quit') return 'quit';
    if (input === 's' || input === 'skip') return undefined;
    const value = gradeOf(input);
    if (value !== undefined) return value;
  }
}

/** A word, or a number from 0 to 1. */
function gradeOf(text: string): number | undefined {
  const known = values[text.toLowerCase()];
  if (known !== undefined) return known;
  const number = text === '' ? Number.NaN : Number(text);
  return number >= 0 && number <= 1 ? number : undefined;
}

const textOf = ({ answer: { text, toolCalls } }: RecordedAnswer): string =>
  [text, ...toolCalls.map(call => `${call.name}(${call.arguments})`)].filter(part => part !== '').join('\n');

const tableHead = ['id', 'question', 'answer', 'quality'];

function exportTable(file: string, answers: readonly RecordedAnswer[], options: LabelOptions): void {
  writeText(file, printCsv([tableHead, ...answers.map(a => [a.id, a.question, textOf(a), ''])]));
  printResult(
    options,
    { file, answers: answers.length },
    () =>
      `${file}: ${count(answers.length, 'answer')}, blind. Fill in quality (y, n, or a number from 0 to 1), then: hindcast eval label --import ${file}.`,
  );
}

function importTable(file: string, answers: readonly RecordedAnswer[]): readonly GivenLabel[] {
  const [first = [], ...rows] = parseCsv(readText(file, 'a table of labels'));
  const [id, quality] = ['id', 'quality'].map(name => first.findIndex(cell => cell.trim().toLowerCase() === name));
  if (id === -1 || quality === -1) throw new CommandError(exit.usage, `${file}: its first line must name the columns id and quality.`);
  const known = new Map(answers.map(about => [about.id, about]));
  return rows.flatMap((row, i): GivenLabel[] => {
    const input = row[quality!]?.trim() ?? '';
    if (input === '') return [];
    const about = known.get(row[id!]?.trim() ?? '');
    if (!about)
      throw new CommandError(
        exit.usage,
        `${file}: row ${i + 2}: ${row[id!]} is no answer among the selected; name the same --run and --since as for the table.`,
      );
    const value = gradeOf(input);
    if (value === undefined)
      throw new CommandError(exit.usage, `${file}: row ${i + 2}: quality is "${input}"; write y, n, or a number from 0 to 1.`);
    return [{ answer: about, value }];
  });
}
