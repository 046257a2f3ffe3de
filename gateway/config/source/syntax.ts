/** Messages for the YAML parser's errors. The parser's own messages can repeat the text, and so reveal a secret. */
import type { YAMLError } from 'yaml';

const messages: Readonly<Partial<Record<YAMLError['code'], string>>> = {
  ALIAS_PROPS: 'an alias (*name) takes no anchor and no tag; remove them',
  BAD_ALIAS: 'this anchor or alias has no usable name; write &name and *name',
  BAD_COLLECTION_TYPE: 'this tag does not fit what follows; remove it',
  BAD_DIRECTIVE: 'this directive (%) is not known; remove the line',
  BAD_DQ_ESCAPE: "this escape is not known inside double quotes; double the backslash, or use single quotes '…'",
  BAD_INDENT: 'the indentation does not fit the lines around it, or a bracket is not closed; align it with its neighbours, in spaces',
  BAD_PROP_ORDER: 'the anchor or tag is in the wrong place; write it before its value',
  BAD_SCALAR_START: 'an unquoted text cannot begin with this character; put it in quotes "…"',
  BLOCK_AS_IMPLICIT_KEY: 'there is a second ":" here; put the value in quotes "…", or begin a new line',
  BLOCK_IN_FLOW: 'an indented block cannot stand inside { } or [ ]; use brackets for it as well',
  DUPLICATE_KEY: 'this key is here twice; remove one',
  KEY_OVER_1024_CHARS: 'this key is longer than 1024 characters; is a ":" or a quote missing before?',
  MISSING_CHAR: 'a closing quote, a comma, a colon or a blank after a colon is missing here',
  MULTILINE_IMPLICIT_KEY: 'a key must be on one line; is a ":" missing after it?',
  MULTIPLE_ANCHORS: 'a value takes one anchor; remove the others',
  MULTIPLE_DOCS: 'a second document begins here ("---"); one file holds one configuration',
  MULTIPLE_TAGS: 'a value takes one tag; remove the others',
  NON_STRING_KEY: 'a key must be a plain text; put it in quotes "…"',
  RESOURCE_EXHAUSTION: 'this is nested too deeply to be read',
  TAB_AS_INDENT: 'tabs cannot indent YAML; use spaces',
  TAG_RESOLVE_FAILED: 'tags (!…) are not used here; remove it, and put a text that begins with "!" in quotes',
  UNEXPECTED_TOKEN: 'this does not belong here; look for a missing quote, comma or bracket before it',
};

/** The message for a parser error at this offset. */
export function syntaxMessage(code: YAMLError['code'], text: string, offset: number): string {
  // Inside brackets the brace of an unquoted ${NAME} opens a map.
  const line = text.slice(text.lastIndexOf('\n', offset - 1) + 1, offset + 1);
  if (/[{[].*\$\{/.test(line.slice(-500))) return `inside { } and [ ] a variable needs quotes: "\${NAME}"`;
  return messages[code] ?? 'this is not valid YAML';
}
