import { Dialog } from "../ui/dialog";
import { Kbd } from "../ui/bits";

const groups: readonly { title: string; keys: readonly (readonly [readonly string[], string])[] }[] = [
  {
    title: "Move",
    keys: [
      [["j", "↓"], "Next conversation"],
      [["k", "↑"], "Previous conversation"],
      [["Enter"], "Open"],
      [["Esc"], "Leave the text field, go back to the list"],
    ],
  },
  {
    title: "Act",
    keys: [
      [["c"], "Claim"],
      [["r"], "Reply"],
      [["e"], "Resolve"],
      [["s"], "Snooze"],
      [["o"], "Reopen"],
    ],
  },
  {
    title: "Write",
    keys: [
      [["Enter"], "Send"],
      [["Ctrl", "Enter"], "Send"],
      [["Shift", "Enter"], "New line"],
    ],
  },
  { title: "Help", keys: [[["?"], "Show this"]] },
];

/** The keys, all of them. */
export function HelpDialog({ onClose }: { onClose: () => void }) {
  return (
    <Dialog title="Keyboard shortcuts" onClose={onClose}>
      <div className="flex flex-col gap-5">
        {groups.map(({ title, keys }) => (
          <section key={title}>
            <h3 className="mb-1.5 text-xs font-semibold text-ink-2">{title}</h3>
            <dl className="divide-y divide-line">
              {keys.map(([names, what], i) => (
                <div key={i} className="flex items-center justify-between gap-4 py-1.5">
                  <dt>{what}</dt>
                  <dd className="flex gap-1">
                    {names.map((name) => (
                      <Kbd key={name}>{name}</Kbd>
                    ))}
                  </dd>
                </div>
              ))}
            </dl>
          </section>
        ))}
        <p className="text-xs text-ink-2">A key acts on the row that has the focus, or else on the open conversation.</p>
      </div>
    </Dialog>
  );
}
