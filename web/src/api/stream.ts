import type { TypedDocumentNode } from "@graphql-typed-document-node/core";
import { stringifyDocument } from "urql";
import { type ApiError, fromGraphQL } from "./errors";
import type { Link } from "./link";

/** What every item of every subscription has. */
interface Item {
  __typename: string;
  cursor: string;
}

interface Resync extends Item {
  __typename: "Resync";
}

export interface StreamOptions<D, V, I extends Item> {
  document: TypedDocumentNode<D, V>;
  /** The variables without `after`. */
  variables: Omit<V, "after">;
  /** The cursor of the query that this stream goes on from; null starts now. */
  after: string | null;
  pick: (data: D) => I;
  onItem: (item: Exclude<I, { __typename: "Resync" }>) => void;
  /** The stream cannot go on from its cursor and has ended: query afresh, then open another. */
  onResync: () => void;
  /** The server refuses this subscription for good, and it has ended. */
  onRefused: (error: ApiError) => void;
}

const firstPause = 250;
const longestPause = 10_000;

/**
 * Opens a subscription that survives its connection: whatever breaks, it subscribes again with the cursor of the last item it handed
 * on, so that each change arrives once and in order. Returns the function that ends it.
 */
export function openStream<D, V, I extends Item>(
  link: Pick<Link, "subscribe" | "turn">,
  options: StreamOptions<D, V, I>,
): () => void {
  const query = stringifyDocument(options.document);
  let cursor = options.after;
  let ended = false;
  let pause = 0;
  let timer: ReturnType<typeof setTimeout> | undefined;
  let close: (() => void) | null = null;

  const end = () => {
    ended = true;
    clearTimeout(timer);
    close?.();
  };

  const take = (item: I | Resync) => {
    pause = 0;
    if (isResync(item)) {
      end();
      options.onResync();
      return;
    }
    // The cursor moves before the item is handled: an item whose handling throws is not asked for again and again.
    cursor = item.cursor;
    options.onItem(item as Exclude<I, { __typename: "Resync" }>);
  };

  const fail = (error: ApiError) => {
    if (error.transient || error.code === "UNAUTHENTICATED") {
      again(true);
      return;
    }
    end();
    options.onRefused(error);
  };

  // The socket may be healthy while the server refuses or ends the stream: that pause is the stream's own. A socket that breaks has
  // its pause in the link.
  const again = (slowly: boolean) => {
    clearTimeout(timer);
    if (slowly) pause = Math.min(Math.max(pause * 2, firstPause), longestPause);
    timer = setTimeout(
      () => {
        void link.turn().then(() => {
          if (!ended) open();
        });
      },
      slowly ? pause : 0,
    );
  };

  const open = () => {
    // Frames of a subscription that was given up must not be heard beside those of its successor.
    let current = true;
    const payload = {
      query,
      // Read each time graphql-ws sends the payload, so that it can never carry an old cursor.
      get variables() {
        return { ...options.variables, after: cursor };
      },
    };
    const unsubscribe = link.subscribe(payload, {
      next: (result) => {
        if (!current || ended) return;
        const [error] = result.errors ?? [];
        if (error) {
          current = false;
          unsubscribe();
          fail(fromGraphQL(error));
        } else if (result.data) take(options.pick(result.data as D));
      },
      error: (reason) => {
        if (!current || ended) return;
        current = false;
        if (Array.isArray(reason) && reason[0]) fail(fromGraphQL(reason[0]));
        else again(false);
      },
      complete: () => {
        if (!current || ended) return;
        current = false;
        again(true);
      },
    });
    close = () => {
      current = false;
      unsubscribe();
    };
  };

  open();
  return end;
}

function isResync(item: Item): item is Resync {
  return item.__typename === "Resync";
}
