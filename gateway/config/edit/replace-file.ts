/** Puts a new text in a config's place: read as a config beside the old one first, then in one step, no more readable than that was. */
import { chmodSync, realpathSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { type ConfigLocation, type LoadResult, readConfig } from '../load.ts';

/** `file` is the config's; the draft lies beside it meanwhile, for relative paths. */
export function checkText(file: string, text: string, location: Omit<ConfigLocation, 'file'>): LoadResult {
  return withDraft(file, text, draft => named(readConfig({ ...location, file: draft }).loaded, file));
}

/** Takes the file's place only when `accept` says so. */
export function replaceFile(
  file: string,
  text: string,
  location: Omit<ConfigLocation, 'file'>,
  accept: (loaded: LoadResult) => boolean = ({ ok }) => ok,
): LoadResult {
  return withDraft(file, text, (draft, target) => {
    const loaded = named(readConfig({ ...location, file: draft }).loaded, file);
    if (accept(loaded)) renameSync(draft, target);
    return loaded;
  });
}

function withDraft<Result>(file: string, text: string, use: (draft: string, target: string) => Result): Result {
  const target = realpathSync(file);
  const draft = `${target}.${process.pid}.tmp`;
  try {
    writeFileSync(draft, text, { flag: 'wx', mode: 0o600, flush: true });
    chmodSync(draft, statSync(target).mode & 0o777);
    return use(draft, target);
  } finally {
    rmSync(draft, { force: true });
  }
}

/** Problems name the file that they will be in. */
const named = (loaded: LoadResult, file: string): LoadResult =>
  loaded.ok ? loaded : { ok: false, problems: loaded.problems.map(problem => ({ ...problem, file })) };
