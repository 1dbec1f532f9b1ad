import { useCallback, useLayoutEffect, useRef, useState } from "react";

const near = 60;

/**
 * Keeps a scroller at its end while it is there, and the text under the eye in place when earlier messages are put before it. Done by hand
 * because browsers disagree on scroll anchoring. `first` is what stands first in it.
 */
export function useStickyScroll(scroller: HTMLElement | null, first: string | null) {
  const [atEnd, setAtEnd] = useState(true);
  const stuck = useRef(true);
  const before = useRef({ first, height: 0 });

  const toEnd = useCallback(() => {
    if (!scroller) return;
    stuck.current = true;
    scroller.scrollTo(0, scroller.scrollHeight);
  }, [scroller]);

  useLayoutEffect(() => {
    if (!scroller) return;
    const { first: oldFirst, height } = before.current;
    if (oldFirst !== first && oldFirst !== null && !stuck.current) scroller.scrollBy(0, scroller.scrollHeight - height);
    before.current = { first, height: scroller.scrollHeight };
  }, [scroller, first]);

  useLayoutEffect(() => {
    if (!scroller) return;
    const onScroll = () => {
      stuck.current = scroller.scrollHeight - scroller.scrollTop - scroller.clientHeight < near;
      setAtEnd(stuck.current);
    };
    // Pictures that load, a banner that comes, a composer that grows: all of them move the end.
    const watch = new ResizeObserver(() => {
      before.current.height = scroller.scrollHeight;
      if (stuck.current) scroller.scrollTo(0, scroller.scrollHeight);
    });
    watch.observe(scroller);
    if (scroller.firstElementChild) watch.observe(scroller.firstElementChild);
    scroller.addEventListener("scroll", onScroll, { passive: true });
    return () => {
      watch.disconnect();
      scroller.removeEventListener("scroll", onScroll);
    };
  }, [scroller]);

  return { atEnd, toEnd };
}
