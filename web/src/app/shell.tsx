import { useState } from "react";
import { cx } from "../lib/cx";
import { useValue } from "../lib/value";
import { ContactPane } from "../inbox/contact-pane";
import { ListPane } from "../inbox/list-pane";
import { ThreadPane } from "../inbox/thread-pane";
import { ToastList } from "../ui/toast-list";
import { Banner } from "./banner";
import { HelpDialog } from "./help";
import { Rail } from "./rail";
import { useShortcuts } from "./shortcuts";
import { useWorkspace } from "./workspace";

/** The signed-in page: rail, list, thread, contact. On a phone one of list and thread at a time. */
export function Shell() {
  const workspace = useWorkspace();
  const { conversationId } = useValue(workspace.router.route);
  const help = useValue(workspace.help);
  const [contact, setContact] = useState(false);
  useShortcuts(workspace);
  return (
    <div className="flex h-dvh flex-col">
      <Banner />
      <div className="relative flex min-h-0 grow flex-col-reverse md:flex-row">
        <Rail hiddenOnPhone={conversationId !== null} />
        <main className="flex min-h-0 min-w-0 grow">
          <h1 className="sr-only">Inbox</h1>
          <div className={cx("min-h-0 w-full grow border-line md:w-80 md:grow-0 md:border-r lg:w-88", conversationId !== null && "max-md:hidden")}>
            <ListPane />
          </div>
          <div className={cx("relative flex min-h-0 min-w-0 grow", conversationId === null && "max-md:hidden")}>
            <ThreadPane key={conversationId} contactShown={contact} onToggleContact={() => setContact((shown) => !shown)} />
            {conversationId !== null && <ContactPane conversationId={conversationId} shown={contact} onClose={() => setContact(false)} />}
          </div>
        </main>
        <ToastList toasts={workspace.toasts} />
      </div>
      {help && <HelpDialog onClose={() => workspace.help.set(false)} />}
    </div>
  );
}
