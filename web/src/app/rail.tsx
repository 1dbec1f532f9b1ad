import { CircleHelp, Inbox, LogOut, Monitor, Moon, Sun } from "lucide-react";
import { useEffect, useRef, useState } from "react";
import { cx } from "../lib/cx";
import { useValue } from "../lib/value";
import { Avatar } from "../ui/bits";
import { IconButton } from "../ui/button";
import { MenuItem, Popover } from "../ui/popover";
import { AlertsBell } from "./alerts-bell";
import { Brand } from "./brand";
import { chooseTheme, theme as themeValue, type Theme } from "./theme";
import { useWorkspace } from "./workspace";

/** The bar at the edge: what is unread, alerts, help, and the agent's own menu. At the bottom on a phone. */
export function Rail({ hiddenOnPhone }: { hiddenOnPhone: boolean }) {
  const workspace = useWorkspace();
  const unread = useValue(workspace.unread.badge);
  useEffect(() => {
    document.title = unread > 0 ? `(${unread}) Switchboard` : "Switchboard";
  }, [unread]);
  return (
    <header
      className={cx(
        "flex shrink-0 items-center gap-1 border-line bg-surface max-md:border-t max-md:px-2 max-md:pt-1 max-md:pb-[max(0.25rem,env(safe-area-inset-bottom))] md:w-14 md:flex-col md:border-r md:py-3",
        hiddenOnPhone && "max-md:hidden",
      )}
    >
      <span className="max-md:hidden">
        <Brand compact />
      </span>
      <nav aria-label="Main" className="max-md:grow md:mt-4">
        <button
          type="button"
          aria-current="page"
          aria-label={unread > 0 ? `Inbox, ${unread} unread` : "Inbox"}
          onClick={() => workspace.router.go({ conversationId: null })}
          className="relative flex size-10 items-center justify-center rounded-xl bg-accent-soft text-accent"
        >
          <Inbox size={20} aria-hidden />
          {unread > 0 && (
            <span className="tabular absolute -top-1 -right-1 flex h-4.5 min-w-4.5 items-center justify-center rounded-full bg-accent px-1 text-2xs font-semibold text-on-accent ring-2 ring-surface">
              {unread > 99 ? "99+" : unread}
            </span>
          )}
        </button>
      </nav>
      <span className="grow max-md:hidden" />
      {workspace.alerts && <AlertsBell alerts={workspace.alerts} />}
      <IconButton label="Keyboard shortcuts" shortcut="?" className="size-10 max-md:hidden" onClick={() => workspace.help.set(true)}>
        <CircleHelp size={20} aria-hidden />
      </IconButton>
      <ProfileMenu />
    </header>
  );
}

const themes: readonly { theme: Theme; label: string; Icon: typeof Sun }[] = [
  { theme: "system", label: "Theme of the system", Icon: Monitor },
  { theme: "light", label: "Light theme", Icon: Sun },
  { theme: "dark", label: "Dark theme", Icon: Moon },
];

function ProfileMenu() {
  const { viewer, session } = useWorkspace();
  const [open, setOpen] = useState(false);
  const anchor = useRef<HTMLButtonElement>(null);
  const current = useValue(themeValue);
  const { agent, tenant } = viewer;
  return (
    <>
      <button
        ref={anchor}
        type="button"
        aria-haspopup="menu"
        aria-expanded={open}
        aria-label={`${agent.name}, your menu`}
        onClick={() => setOpen((was) => !was)}
        className="flex size-10 items-center justify-center rounded-xl hover:bg-sunken"
      >
        <Avatar name={agent.name} id={agent.id} size="sm" />
      </button>
      {open && (
        <Popover anchor={anchor} role="menu" label="Your menu" onClose={() => setOpen(false)} className="w-64 p-1.5">
          <div role="presentation" className="px-2.5 pt-1.5 pb-2.5">
            <p className="truncate font-semibold">{agent.name}</p>
            <p className="truncate text-xs text-ink-2">{agent.email}</p>
            <p className="mt-1 truncate text-xs text-ink-2">
              {tenant.name} · {agent.role.charAt(0) + agent.role.slice(1).toLowerCase()}
            </p>
          </div>
          <hr className="mb-1.5 border-line" />
          {themes.map(({ theme, label, Icon }) => (
            <MenuItem key={theme} checked={current === theme} icon={<Icon size={16} aria-hidden />} onSelect={() => chooseTheme(theme)}>
              {label}
            </MenuItem>
          ))}
          <hr className="my-1.5 border-line" />
          <MenuItem icon={<LogOut size={16} aria-hidden />} onSelect={() => void session.logout()}>
            Sign out
          </MenuItem>
        </Popover>
      )}
    </>
  );
}
