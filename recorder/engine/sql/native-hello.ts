/** Answers the first query of Go clients (Grafana's data source), which the embedded engine cannot answer in their form. */

export const helloStatement = 'SELECT displayName(), version(), revision(), timezone()';

/**
 * One Native block as the client's own newest protocol writes it: block info, and a flag per column for its serialisation. The revision it
 * tells is 0, so that all later blocks are read as the embedded engine writes them, in the oldest form.
 */
export function helloBlock(version: string, timezone: string): Buffer {
  const revision = Buffer.alloc(4);
  const blockInfo = Buffer.from([1, 0, 2, 0xff, 0xff, 0xff, 0xff, 0]);
  const columnsAndRows = Buffer.from([4, 1]);
  return Buffer.concat([
    blockInfo,
    columnsAndRows,
    column('displayName()', 'String', text('hindcast')),
    column('version()', 'String', text(version)),
    column('revision()', 'UInt32', revision),
    column('timezone()', 'String', text(timezone)),
  ]);
}

const column = (name: string, type: string, value: Buffer): Buffer => Buffer.concat([text(name), text(type), Buffer.from([0]), value]);

function text(value: string): Buffer {
  const bytes = Buffer.from(value);
  if (bytes.length > 127) throw new RangeError(`too long for a greeting: ${value}`);
  return Buffer.concat([Buffer.from([bytes.length]), bytes]);
}
