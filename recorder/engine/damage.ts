/** Detects lost rows: parts that the engine set aside as damaged, and parts that are missing from the folder. */
import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { writeFileAtomically } from '../files/paths.ts';
import type { Sessions } from './session/sessions.ts';

interface Part {
  readonly table: string;
  readonly name: string;
  readonly rows: number;
}

interface DetachedPart {
  readonly table: string;
  readonly name: string;
  readonly reason: string;
}

const partsFile = (folder: string): string => join(folder, 'hindcast-parts.json');
const namePattern = /^(.+)_(\d+)_(\d+)_\d+(?:_\d+)?$/;
/** Parts that the engine set aside, without those of its own housekeeping. */
export const setAsideQuery =
  "SELECT table, name, ifNull(reason, '') AS reason FROM system.detached_parts WHERE database = 'default' " +
  "AND ifNull(reason, '') NOT IN ('ignored', 'clone', 'attaching', 'deleting', 'tmp-fetch', 'covered-by-broken')";

/** Compares what is there now with what was there when the list was last written; a sentence for each loss. */
export function findDamage(sessions: Sessions, folder: string): readonly string[] {
  const active = activeParts(sessions);
  const detached = sessions.rows<DetachedPart>(setAsideQuery);
  const known = readParts(folder);
  const missing = known.filter(
    part =>
      !active.some(other => covers(other, part)) && !detached.some(({ table, name }) => table === part.table && name.includes(part.name)),
  );
  return [
    ...detached.map(({ table, name, reason }) => {
      const rows = known.find(part => part.table === table && name.includes(part.name))?.rows;
      return `a part of table ${table} is damaged and set aside (${name}${reason ? `, ${reason}` : ''}): ${rows ?? 'its'} rows are missing`;
    }),
    ...missing.map(({ table, name, rows }) => `a part of table ${table} is gone from its folder (${name}): ${rows} rows are missing`),
  ];
}

/** Written after every deliberate drop of parts, and periodically. */
export const rememberParts = (sessions: Sessions, folder: string): void =>
  writeFileAtomically(partsFile(folder), `${JSON.stringify(activeParts(sessions))}\n`);

const activeParts = (sessions: Sessions): readonly Part[] =>
  sessions.rows<Part>("SELECT table, name, toUInt32(rows) AS rows FROM system.parts WHERE active AND database = 'default' AND rows > 0");

function readParts(folder: string): readonly Part[] {
  try {
    return JSON.parse(readFileSync(partsFile(folder), 'utf8')) as readonly Part[];
  } catch {
    // None was written yet, or it was spoiled with the rest: then only what the engine set aside is known.
    return [];
  }
}

function covers(other: Part, part: Part): boolean {
  const [, partition, from, to] = namePattern.exec(other.name) ?? [];
  const [, partitionOfPart, fromOfPart, toOfPart] = namePattern.exec(part.name) ?? [];
  return (
    other.table === part.table && partition === partitionOfPart && Number(from) <= Number(fromOfPart) && Number(to) >= Number(toOfPart)
  );
}
