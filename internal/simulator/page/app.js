// The phone: who is writing, to whom, and the chat between them.
import { initPanel, showFaults, showOutbox, showSettings, addCall } from './panel.js';

const $ = (id) => document.getElementById(id);
const state = { accounts: [], customers: [], chats: new Map(), last: new Map(), account: '', phone: '', replyTo: null, rows: new Map(), shown: '', pinned: true, top: 0 };
const EMOJI = ['👍', '❤️', '😂', '😮', '🙏'];

export async function api(method, path, body) {
  const options = { method, headers: {} };
  if (body instanceof Blob) {
    options.body = body;
    options.headers['Content-Type'] = body.type || 'application/octet-stream';
  } else if (body !== undefined) {
    options.body = JSON.stringify(body);
    options.headers['Content-Type'] = 'application/json';
  }
  const response = await fetch(path, options);
  const answer = response.status === 204 ? null : await response.json();
  if (!response.ok) throw new Error(answer?.error ?? `status ${response.status}`);
  return answer;
}

export function element(name, props = {}, ...children) {
  const e = Object.assign(document.createElement(name), props);
  e.append(...children.filter((c) => c !== null && c !== undefined));
  return e;
}

const key = (account, phone) => `${account}|${phone}`;
const time = (at) => new Date(at).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });

function initials(name) {
  const letters = name.split(/\s+/).map((w) => [...w][0]).filter((c) => /\p{L}/u.test(c ?? ''));
  return letters.slice(0, 2).join('').toUpperCase() || '☺';
}

function avatar(name) {
  const hue = [...name].reduce((sum, c) => (sum * 31 + c.codePointAt(0)) % 12, 7);
  return element('span', { className: `avatar tint-${hue % 6}`, textContent: initials(name), ariaHidden: 'true' });
}

// ---- people and businesses

function choice(selected, name, detail, onChoose) {
  const button = element('button', { type: 'button', className: 'choice', onclick: onChoose }, avatar(name),
    element('span', { className: 'who' }, element('strong', { textContent: name, dir: 'auto' }), element('span', { textContent: detail, dir: 'auto' })));
  button.setAttribute('aria-pressed', String(selected));
  return element('li', {}, button);
}

function showPeople() {
  $('customers').replaceChildren(...state.customers.map((c) => {
    const last = state.last.get(key(state.account, c.phone));
    return choice(c.phone === state.phone, c.name, last ? summary(last) : c.phone, () => select(state.account, c.phone));
  }));
  $('accounts').replaceChildren(...state.accounts.map((a) =>
    choice(a.phoneNumberId === state.account, a.name || a.displayPhone, a.displayPhone, () => select(a.phoneNumberId, state.phone))));
  const account = state.accounts.find((a) => a.phoneNumberId === state.account);
  if (!account) return;
  $('business-name').textContent = account.name || account.displayPhone;
  $('business-phone').textContent = account.displayPhone;
  $('business-avatar').textContent = initials(account.name || account.displayPhone);
}

function summary(m) {
  const text = m.text || { image: 'Picture', location: 'Location', revoke: 'Deleted a message' }[m.type] || m.type;
  return (m.mine ? 'You: ' : '') + text;
}

async function select(account, phone) {
  state.account = account;
  state.phone = phone;
  setReply(null);
  localStorage.setItem('phone', JSON.stringify({ account, phone }));
  showPeople();
  if (!account || !phone) return;
  const { messages } = await api('GET', `/api/chats/${encodeURIComponent(phone)}?account=${encodeURIComponent(account)}`);
  state.chats.set(key(account, phone), messages);
  if (account !== state.account || phone !== state.phone) return;
  showChat();
  look();
}

// look tells the vendor that the chat is on the screen, so that what arrived counts as read.
function look() {
  if (!$('reading').checked || document.hidden || !state.account || !state.phone) return;
  api('POST', `/api/chats/${encodeURIComponent(state.phone)}/open`, { account: state.account }).catch(() => {});
}

// ---- the chat

function showChat() {
  const log = $('log');
  const messages = state.chats.get(key(state.account, state.phone)) ?? [];
  const { bubbles, reactions, changed } = fold(messages);
  if (state.shown !== key(state.account, state.phone)) state.pinned = true;
  let day = '';
  const rows = [];
  for (const m of bubbles) {
    const date = new Date(m.at).toLocaleDateString([], { weekday: 'long', day: 'numeric', month: 'long' });
    if (date !== day) rows.push(row(`day ${date}`, date, () => element('div', { className: 'day' }, element('span', { textContent: date }))));
    day = date;
    const parts = [m, changed.get(m.id), reactions.get(m.id) ?? []];
    rows.push(row(m.id, JSON.stringify(parts), () => bubble(...parts, messages)));
  }
  if (!rows.length) rows.push(element('div', { className: 'empty', textContent: 'Nothing here yet. Say hello.' }));
  state.shown = key(state.account, state.phone);
  if (rows.length !== log.children.length || rows.some((r, i) => r !== log.children[i])) log.replaceChildren(...rows);
  follow();
}

// follow keeps the newest message in sight, unless the reader has scrolled up.
function follow() {
  if (state.pinned) $('log').scrollTop = $('log').scrollHeight;
}

// row returns the element made for an id, and makes it again only when what it shows has changed: an open menu stays open, and a
// screen reader hears news only.
function row(id, shows, make) {
  const old = state.rows.get(id);
  if (old?.shows === shows) return old.node;
  const node = make();
  const menu = node.querySelector('details');
  if (menu && old?.node.querySelector('details')?.open) menu.open = true;
  state.rows.set(id, { shows, node });
  return node;
}

// fold applies reactions, edits and deletions to the bubbles they concern.
function fold(messages) {
  const bubbles = [], reactions = new Map(), changed = new Map();
  for (const m of messages) {
    if (m.type === 'reaction') reactions.set(m.target, m.text ? [m.text] : []);
    else if (m.type === 'edit') changed.set(m.target, { text: m.text });
    else if (m.type === 'revoke') changed.set(m.target, { deleted: true });
    else bubbles.push(m);
  }
  return { bubbles, reactions, changed };
}

function bubble(m, change, reactions, messages) {
  const body = element('div', { className: 'bubble' });
  const quoted = m.replyTo && messages.find((q) => q.id === m.replyTo);
  if (quoted) body.append(element('div', { className: 'quoted', textContent: summary(quoted) }));
  if (change?.deleted) body.append(element('em', { textContent: 'You deleted this message' }));
  else body.append(...content(m, change?.text ?? m.text));
  const meta = element('span', { className: 'meta' }, change?.text ? 'edited · ' : '', time(m.at), ' ', ticks(m));
  body.append(meta);
  if (reactions.length) body.append(element('span', { className: 'reaction', textContent: reactions.join('') }));
  return element('div', { className: m.mine ? 'mine' : 'theirs' }, body, change?.deleted ? null : actions(m));
}

function content(m, text) {
  const out = [];
  if (m.media && m.type === 'image') out.push(element('img', { src: `/api/media/${m.media.id}`, alt: m.text || 'Picture you sent', onload: follow }));
  else if (m.media) out.push(element('span', { className: 'file', textContent: m.media.filename || m.media.mimeType }));
  if (m.location) out.push(element('span', { className: 'map' }, element('span', { className: 'pin', textContent: '📍' }),
    `${m.location.name ?? 'Location'} · ${Number(m.location.latitude).toFixed(3)}, ${Number(m.location.longitude).toFixed(3)}`));
  if (text) out.push(element('span', { className: 'text', textContent: text, dir: 'auto' }));
  return out;
}

// ticks show, on the customer's own messages, whether the business has them; on the others, what the business has been told.
function ticks(m) {
  const [sign, words] = m.mine
    ? { pending: ['◷', 'On its way to the business'], delivered: ['✓✓', 'The business has it'], read: ['✓✓', 'The business has read it'] }[m.status]
    : { accepted: ['·', 'No receipt sent yet'], sent: ['✓', 'Receipt sent: sent'], delivered: ['✓✓', 'Receipt sent: delivered'],
        read: ['✓✓', 'Receipt sent: read'], failed: ['!', 'Receipt sent: failed'] }[m.status] ?? ['', ''];
  const e = element('span', { className: `ticks ${m.status}`, textContent: sign, title: words });
  e.setAttribute('role', 'img');
  e.setAttribute('aria-label', words);
  return e;
}

function actions(m) {
  const menu = element('span', { className: 'sheet' });
  for (const emoji of EMOJI) {
    menu.append(element('button', { type: 'button', className: 'emoji', textContent: emoji, title: `React ${emoji}`,
      onclick: () => write({ reaction: { messageId: m.id, emoji } }) }));
  }
  menu.append(element('button', { type: 'button', textContent: 'Reply', onclick: () => setReply(m) }));
  if (m.mine && m.type === 'text') {
    menu.append(element('button', { type: 'button', textContent: 'Edit', onclick: () => {
      const text = prompt('New text', m.text);
      if (text) write({ edit: { messageId: m.id, text } });
    } }));
  }
  if (m.mine) menu.append(element('button', { type: 'button', textContent: 'Delete', onclick: () => write({ delete: { messageId: m.id } }) }));
  const summaryText = element('summary', { textContent: '⋯' });
  summaryText.setAttribute('aria-label', `Actions for the message ${summary(m)}`);
  return element('details', { className: 'actions' }, summaryText, menu);
}

// ---- writing

function setReply(m) {
  state.replyTo = m;
  if (m) closeMenus(null);
  $('quote').hidden = !m;
  $('quote-text').textContent = m ? summary(m) : '';
  if (m) $('text').focus();
}

function closeMenus(except) {
  document.querySelectorAll('details[open]').forEach((d) => { if (d !== except) d.open = false; });
}

async function write(what) {
  closeMenus(null);
  const message = { account: state.account, ...what };
  if (state.replyTo && !what.reaction && !what.edit && !what.delete) message.replyTo = state.replyTo.id;
  try {
    await api('POST', `/api/customers/${encodeURIComponent(state.phone)}/messages`, message);
    $('send-error').textContent = '';
    setReply(null);
    return true;
  } catch (error) {
    $('send-error').textContent = `Not sent: ${error.message}`;
    return false;
  }
}

async function sendText(event) {
  event.preventDefault();
  const text = $('text').value.trim();
  if (text && await write({ text })) {
    $('text').value = '';
    $('text').style.height = '';
  }
}

async function sendPicture() {
  const file = $('file').files[0];
  $('file').value = '';
  if (!file) return;
  try {
    const media = await api('POST', `/api/media?filename=${encodeURIComponent(file.name)}`, file);
    if (await write({ media: { type: 'image', id: media.id, caption: $('text').value.trim() } })) $('text').value = '';
  } catch (error) {
    $('send-error').textContent = `Not sent: ${error.message}`;
  }
}

async function addCustomer(event) {
  event.preventDefault();
  try {
    const customer = await api('PUT', `/api/customers/${encodeURIComponent($('new-phone').value)}`, { name: $('new-name').value.trim() });
    $('add-customer').reset();
    $('add-error').textContent = '';
    await select(state.account, customer.phone);
  } catch (error) {
    $('add-error').textContent = error.message;
  }
}

// ---- staying up to date

function onMessage(m) {
  const chat = state.chats.get(key(m.account, m.customer));
  state.last.set(key(m.account, m.customer), m);
  if (chat) {
    const i = chat.findIndex((other) => other.id === m.id);
    if (i >= 0) chat[i] = m;
    else chat.push(m);
  }
  showPeople();
  if (m.account !== state.account || m.customer !== state.phone) return;
  showChat();
  if (!m.mine && m.status !== 'read') look();
}

function onUpdate({ type, data }) {
  switch (type) {
    case 'message': onMessage(data); break;
    case 'call': addCall(data); break;
    case 'faults': showFaults(data); break;
    case 'settings': showSettings(data); break;
    case 'outbox': showOutbox(data); break;
    case 'customer': upsert(state.customers, data, 'phone'); break;
    case 'account': upsert(state.accounts, data, 'phoneNumberId'); break;
  }
}

function upsert(list, item, id) {
  const i = list.findIndex((other) => other[id] === item[id]);
  if (i >= 0) list[i] = item;
  else list.push(item);
  if (!state.account || !state.phone) select(state.account || state.accounts[0]?.phoneNumberId || '', state.phone || state.customers[0]?.phone || '');
  else showPeople();
}

async function load() {
  const all = await api('GET', '/api/state');
  Object.assign(state, { accounts: all.accounts, customers: all.customers, last: new Map(all.last.map((m) => [key(m.account, m.customer), m])) });
  initPanel(all);
  const { calls } = await api('GET', '/api/calls');
  calls.slice(-30).forEach(addCall);
  const kept = JSON.parse(localStorage.getItem('phone') ?? '{}');
  const account = all.accounts.find((a) => a.phoneNumberId === kept.account) ?? all.accounts[0];
  const recent = all.last.find((m) => !account || m.account === account.phoneNumberId)?.customer;
  const customer = all.customers.find((c) => c.phone === kept.phone) ?? all.customers.find((c) => c.phone === recent) ?? all.customers[0];
  await select(account?.phoneNumberId ?? '', customer?.phone ?? '');
}

// connect listens first and loads then, so that nothing falls between; after a break it does both again.
function connect() {
  const stream = new EventSource('/api/stream');
  stream.onopen = () => load().catch(() => {});
  stream.onmessage = (event) => onUpdate(JSON.parse(event.data));
  stream.onerror = () => showOutbox(null);
}

function showClock() {
  $('clock').textContent = new Date().toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' });
}

$('composer').addEventListener('submit', sendText);
$('text').addEventListener('keydown', (event) => {
  if (event.key === 'Enter' && !event.shiftKey && !event.isComposing) sendText(event);
});
$('text').addEventListener('input', () => {
  $('text').style.height = 'auto';
  $('text').style.height = `${Math.min($('text').scrollHeight, 110)}px`;
});
$('attach-picture').addEventListener('click', () => $('file').click());
$('file').addEventListener('change', sendPicture);
$('attach-location').addEventListener('click', () => write({ location: { latitude: 52.5163, longitude: 13.3777, name: 'Brandenburg Gate' } }));
$('attach-contact').addEventListener('click', () => write({ raw: { type: 'contacts', contacts: [{ name: { formatted_name: 'Noa', first_name: 'Noa' }, phones: [{ phone: '+1 555 010 0399', type: 'CELL' }] }] } }));
$('attach-poll').addEventListener('click', () => write({ raw: { type: 'unsupported', unsupported: { type: 'poll' }, errors: [{ code: 131051, title: 'Message type unknown' }] } }));
$('log').addEventListener('scroll', () => {
  const { scrollHeight, scrollTop, clientHeight } = $('log');
  if (scrollHeight - scrollTop - clientHeight < 80) state.pinned = true;
  else if (scrollTop < state.top) state.pinned = false; // scrolled up by hand; a picture that grows does not move the top
  state.top = scrollTop;
});
$('quote-clear').addEventListener('click', () => setReply(null));
$('add-customer').addEventListener('submit', addCustomer);
$('reading').addEventListener('change', look);
document.addEventListener('visibilitychange', look);
document.addEventListener('click', (event) => closeMenus(event.target.closest('details')));
document.addEventListener('keydown', (event) => { if (event.key === 'Escape') closeMenus(null); });
showClock();
setInterval(showClock, 10_000);
connect();
