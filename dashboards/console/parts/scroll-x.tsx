/** A wide table that scrolls sideways; the keyboard reaches it where it does. */
import { useEffect, useRef, useState } from 'react';

export function ScrollX({ children }: { readonly children: React.ReactNode }) {
  const box = useRef<HTMLDivElement>(null);
  const [scrolls, setScrolls] = useState(false);
  useEffect(() => {
    const target = box.current!;
    const look = (): void => setScrolls(target.scrollWidth > target.clientWidth);
    const observer = new ResizeObserver(look);
    observer.observe(target);
    if (target.firstElementChild) observer.observe(target.firstElementChild);
    return () => observer.disconnect();
  }, []);
  return (
    // biome-ignore lint/a11y/useSemanticElements: a fieldset draws itself
    <div ref={box} className="scroll-x" role="group" aria-label="Table" tabIndex={scrolls ? 0 : undefined}>
      {children}
    </div>
  );
}
