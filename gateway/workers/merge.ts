/** Merges the reports of several workers: metrics into one OpenMetrics page, each family once, each sample with a `worker` label; lists into one. */

/** JSON arrays as one. */
export const mergeLists = (lists: readonly string[]): string =>
  JSON.stringify(lists.flatMap(list => JSON.parse(list) as readonly unknown[]));

/** `pages` are by worker number. Families keep the order of their first appearance. */
export function mergeMetrics(pages: ReadonlyMap<number, string>): string {
  const families = new Map<string, { readonly head: string[]; readonly samples: string[] }>();
  for (const [worker, page] of pages) {
    let family: { readonly head: string[]; readonly samples: string[] } | undefined;
    for (const line of page.split('\n')) {
      if (line === '' || line === '# EOF') continue;
      const [, kind, name] = /^# (HELP|TYPE|UNIT) (\S+)/.exec(line) ?? [];
      if (name === undefined) {
        family?.samples.push(labelled(line, worker));
        continue;
      }
      family = families.get(name) ?? { head: [], samples: [] };
      families.set(name, family);
      if (!family.head.some(known => known.startsWith(`# ${kind} `))) family.head.push(line);
    }
  }
  const texts = [...families.values()].map(({ head, samples }) => [...head, ...samples].join('\n'));
  return `${texts.join('\n')}\n# EOF\n`;
}

/** Metric names contain neither a blank nor a brace, so the first of them ends the name. */
function labelled(sample: string, worker: number): string {
  const end = sample.search(/[{ ]/);
  const label = `worker="${worker}"`;
  return sample[end] === '{'
    ? `${sample.slice(0, end)}{${label}${sample[end + 1] === '}' ? '' : ','}${sample.slice(end + 1)}`
    : `${sample.slice(0, end)}{${label}}${sample.slice(end)}`;
}
