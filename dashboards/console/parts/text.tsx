/** A stranger's text: text nodes only, what cannot be seen is shown as a mark, and a long one comes in pieces. */
import { Fragment, useState } from 'react';
import { count } from '../text/format.ts';
import { head, visible } from '../text/visible.ts';

const firstLength = 12_000;
const moreLength = 200_000;

/** A text of any length; its first 12,000 characters at first. */
export function Text({ text, isCode = false }: { readonly text: string; readonly isCode?: boolean }) {
  const [shown, setShown] = useState(firstLength);
  const part = head(text, shown);
  const left = text.length - part.length;
  return (
    <>
      <div className={isCode ? 'text code' : 'text'}>
        <Visible text={part} />
      </div>
      {left > 0 && (
        <button type="button" className="button quiet" onClick={() => setShown(shown + moreLength)}>
          Show more ({count(left)} characters left)
        </button>
      )}
    </>
  );
}

/** A text whose hidden characters are marks. */
export const Visible = ({ text }: { readonly text: string }) =>
  visible(text).map(({ text: piece, isMark }, i) => {
    // The pieces of a text have no names but their places.
    const key = `${i}`;
    return isMark ? <mark key={key}>{piece}</mark> : <Fragment key={key}>{piece}</Fragment>;
  });

/** JSON with indents; other text as it is. */
export function Json({ value }: { readonly value: unknown }) {
  return (
    // biome-ignore lint/a11y/noNoninteractiveTabindex: a box that scrolls must be reached by keyboard
    // biome-ignore lint/a11y/useSemanticElements: a fieldset draws itself
    <div className="code-box" role="group" tabIndex={0} aria-label="Source">
      <Text isCode text={typeof value === 'string' ? value : JSON.stringify(value, undefined, 2)} />
    </div>
  );
}
