/** The metrics of several workers as one page of OpenMetrics: each family once, each sample with its worker's number. */

/** `pages` by worker. Families stand in the order in which they are met. */
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

/** Names of metrics hold neither a blank nor a brace, so that the first of them ends the name. */
function labelled(sample: string, worker: number): string {
  const end = sample.search(/[{ ]/);
  const label = `worker="${worker}"`;
  return sample[end] === '{'
    ? `${sample.slice(0, end)}{${label}${sample[end + 1] === '}' ? '' : ','}${sample.slice(end + 1)}`
    : `${sample.slice(0, end)}{${label}}${sample.slice(end)}`;
}
