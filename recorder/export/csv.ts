/** Tables as comma-separated values (RFC 4180), as spreadsheets write them. */

/** A cell that a spreadsheet would run as a formula is written as text. */
const cell = (text: string): string => {
  const safe = /^[=+\-@\t\r]/.test(text) ? `'${text}` : text;
  return /[",\r\n]/.test(safe) ? `"${safe.replaceAll('"', '""')}"` : safe;
};

/** The rows as CSV text, with CRLF after each. */
export const printCsv = (rows: readonly (readonly string[])[]): string => rows.map(row => `${row.map(cell).join(',')}\r\n`).join('');

/** Rows of cells; empty lines are left out. */
export function parseCsv(source: string): string[][] {
  const text = source.replace(/^\ufeff/, '');
  const rows: string[][] = [];
  let row: string[] = [];
  let value = '';
  let quoted = false;
  const endRow = (): void => {
    row.push(value);
    if (row.length > 1 || row[0] !== '') rows.push(row);
    row = [];
    value = '';
  };
  for (let i = 0; i < text.length; i++) {
    const c = text[i]!;
    if (quoted) {
      if (c !== '"') value += c;
      else if (text[i + 1] === '"') {
        value += '"';
        i++;
      } else quoted = false;
    } else if (c === '"' && value === '') quoted = true;
    else if (c === ',') {
      row.push(value);
      value = '';
    } else if (c === '\n') endRow();
    else if (c !== '\r') value += c;
  }
  if (value !== '' || row.length > 0) endRow();
  return rows;
}
