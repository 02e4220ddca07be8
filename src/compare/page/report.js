'use strict';
// Draws the report from the two blocks of JSON in the page. Nothing is fetched; votes stay in the
// browser's storage.
const report = JSON.parse(document.getElementById('report-data').textContent);
const media = JSON.parse(document.getElementById('media-data').textContent);

const kSets = {
  reference: ['Reference', 'held-out loops that all others are measured against'],
  real: ['Real music', 'other held-out loops: as near as there can be'],
  codec: ['Codec round trip', 'the real loops through the codec and back'],
  shuffled: ['Shuffled bars', 'real bars, dealt out anew among the pieces'],
  ngram: [`${report.settings.ngram_order}-gram`, 'Kneser-Ney over the same tokens, under the same grammar'],
  random: ['Random notes', 'as many notes as real ones, at any time and pitch'],
  symbolic: ['Hemiola', 'beat tokens, rendered as the loops are'],
  audiolm: ['AudioLM', 'sound made as sound'],
};
const kModels = ['symbolic', 'audiolm'];
const sets = Object.keys(kSets).filter((name) => report.sets[name]);
const titleOf = (name) => kSets[name][0];
const $ = (id) => document.getElementById(id);
const escape = (text) => String(text).replace(/[&<>"]/g, (c) => ({ '&': '&amp;', '<': '&lt;', '>': '&gt;', '"': '&quot;' })[c]);
function number(x, digits = 3) {
  if (x === null || x === undefined || !Number.isFinite(x)) return '–';
  if (x === 0) return '0';
  const size = Math.abs(x);
  if (size < 1e-4) return '≈ 0';
  const places = Math.max(0, digits - 1 - Math.floor(Math.log10(size)));
  return x.toFixed(Math.min(places, 4)).replace('-', '−');
}
const percent = (x) => (x === undefined || x === null ? '–' : `${(100 * x).toFixed(x < 0.1 ? 1 : 0)} %`);
const range = (low, high) => `<small>${number(low)} to ${number(high)}</small>`;
function duration(seconds) {
  if (seconds === undefined) return '–';
  if (seconds < 90) return `${seconds.toFixed(1)} s`;
  const minutes = Math.round(seconds / 60);
  return minutes < 120 ? `${minutes} min` : `${Math.floor(minutes / 60)} h ${minutes % 60} min`;
}
const dot = (name) => `<i class="dot ${kModels.includes(name) ? name : ''}"></i>`;
const colourOf = (name) => (kModels.includes(name) ? `var(--${name})` : 'var(--anchor)');
const badge = (order) => order.trusted
  ? '<span class="badge">orders the anchors</span>'
  : '<span class="badge bad">not to be trusted here</span>';
function table(columns, rows, { caption = '', className = '' } = {}) {
  const head = columns.map((c, i) => `<th scope="col"${i ? ' class="figure"' : ''}>${c}</th>`).join('');
  const body = rows.map((row) => `<tr>${row.map((cell, i) => (i ? `<td class="figure">${cell}</td>` : `<th scope="row">${cell}</th>`)).join('')}</tr>`).join('');
  return `<div class="scroll" tabindex="0" role="group" aria-label="${escape(caption.replace(/<[^>]*>/g, '')) || 'Table'}"><table class="${className}">${caption ? `<caption>${caption}</caption>` : ''}<thead><tr>${head}</tr></thead><tbody>${body}</tbody></table></div>`;
}

// --- Summary -----------------------------------------------------------------------------------

// Points with intervals, one row a set, nearest first.
function distanceChart(rows) {
  const width = 320, left = 108, right = 56, step = 28, top = 8;
  const sorted = [...rows].sort((a, b) => a.value - b.value);
  const high = Math.max(...sorted.map((row) => row.high ?? row.value), 1e-9);
  const x = (value) => left + (width - left - right) * Math.sqrt(Math.max(0, value) / high);
  const height = top + step * sorted.length + 22;
  const ticks = [0, 0.1, 0.4, 1].map((share) => share * high);
  const grid = ticks.map((tick) => `<line class="grid" x1="${x(tick)}" x2="${x(tick)}" y1="${top}" y2="${height - 20}"/><text class="quiet" x="${x(tick)}" y="${height - 4}" text-anchor="middle">${number(tick, 2)}</text>`).join('');
  const marks = sorted.map((row, i) => {
    const y = top + step * (i + 0.5), strong = kModels.includes(row.name);
    const whisker = row.low === undefined ? '' : `<line x1="${x(row.low)}" x2="${x(row.high)}" y1="${y}" y2="${y}" stroke="${colourOf(row.name)}" stroke-width="2" stroke-linecap="round" opacity="0.55"/>`;
    return `<text x="0" y="${y + 4}"${strong ? ' style="font-weight:650;fill:var(--ink)"' : ''}>${escape(titleOf(row.name))}</text>${whisker}<circle cx="${x(row.value)}" cy="${y}" r="${strong ? 6 : 4.5}" fill="${colourOf(row.name)}"/><text x="${width}" y="${y + 4}" text-anchor="end"${strong ? ' style="font-weight:650;fill:var(--ink)"' : ''}>${number(row.value)}</text>`;
  }).join('');
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Distances: ${sorted.map((row) => `${titleOf(row.name)} ${number(row.value)}`).join(', ')}">${grid}${marks}</svg>`;
}

function summary() {
  const embeddings = Object.entries(report.distances);
  const trusted = embeddings.filter(([, d]) => d.orders.fad_inf.trusted).map(([name]) => name);
  const others = embeddings.filter(([, d]) => !d.orders.fad_inf.trusted).map(([name]) => name);
  const models = kModels.filter((name) => report.sets[name]);
  const counts = models.map((name) => `${report.sets[name].pieces} pieces by ${titleOf(name)}`).join(' and ');
  $('lead').textContent = `${counts}, against ${report.sets.reference.pieces} held-out loops, beside music of known quality. ` +
    (trusted.length ? `FAD-infinity orders the anchors as heard by ${trusted.join(', ')}${others.length ? `; by ${others.join(', ')} it does not` : ''}.` : 'No embedding orders the anchors: none of these distances is to be trusted here.');
  const cards = [];
  const main = trusted[0] ?? embeddings[0][0];
  const at = (set) => report.distances[main].sets[set];
  for (const name of models) {
    cards.push([name, titleOf(name), number(at(name).fad_inf), `FAD-infinity by ${main}; real music ${number(at('real').fad_inf)}, random notes ${number(at('random').fad_inf)}`]);
  }
  for (const name of models) {
    const grid = report.time.sets[name]?.metrics.on_grid, real = report.time.sets.real?.metrics.on_grid;
    if (grid) cards.push([name, `${titleOf(name)}: on the grid`, percent(grid.mean), `of onsets, beyond chance; real music ${percent(real?.mean)}`]);
  }
  const speed = report.timing.speeds;
  for (const name of models) {
    if (speed[name]) cards.push([name, `${titleOf(name)}: speed`, `${number(speed[name].real_time_factor, 2)} ×`, `real time, with its sound, on ${report.timing.threads} threads`]);
  }
  const novelty = report.novelty.notes.symbolic;
  if (novelty) cards.push(['symbolic', `${titleOf('symbolic')}: copies`, percent(novelty.copies), `of pieces; of held-out loops ${percent(report.novelty.notes.real.copies)}`]);
  $('cards').innerHTML = cards.map(([name, head, figure, what]) => `<div class="card ${name}"><span>${escape(head)}</span><b>${figure}</b><span>${escape(what)}</span></div>`).join('');
  $('panels').innerHTML = embeddings.map(([name, d]) => {
    const rows = sets.filter((set) => set !== 'reference' && d.sets[set]?.fad_inf !== null && d.sets[set]?.fad_inf !== undefined)
      .map((set) => ({ name: set, value: d.sets[set].fad_inf, low: d.sets[set].fad_inf_interval[0], high: d.sets[set].fad_inf_interval[1] }));
    return `<figure class="panel"><header><h3>${escape(name)}</h3>${badge(d.orders.fad_inf)}</header>${rows.length ? distanceChart(rows) : '<p class="note">Too few frames for FAD-infinity.</p>'}</figure>`;
  }).join('');
}

// --- Listening ---------------------------------------------------------------------------------

const player = new Audio();
let playing = null; // {element, head, seconds}
function stop() {
  if (!playing) return;
  player.pause();
  playing.element.classList.remove('playing');
  playing = null;
}
function play(element, sound, seconds, onShare) {
  const again = playing?.element === element;
  stop();
  if (again) return;
  player.src = `data:audio/mpeg;base64,${sound}`;
  const mine = playing = { element, seconds, onShare };
  element.classList.add('playing');
  // A piece that another one interrupts fails too: that is no reason to stop the other.
  player.play().catch(() => { if (playing === mine) stop(); });
  requestAnimationFrame(follow);
}
function follow() {
  if (!playing) return;
  playing.onShare(Math.min(1, player.currentTime / playing.seconds));
  requestAnimationFrame(follow);
}
player.addEventListener('ended', stop);

const bytesOf = (text) => Uint8Array.from(atob(text), (c) => c.charCodeAt(0));
function heat() {
  const style = getComputedStyle(document.documentElement);
  const stops = [0, 1, 2, 3].map((i) => parseInt(style.getPropertyValue(`--heat-${i}`).trim().slice(1), 16)).map((n) => [n >> 16, (n >> 8) & 255, n & 255]);
  return Array.from({ length: 256 }, (_, v) => {
    const at = (v / 255) * 2.999, i = Math.floor(at), share = at - i;
    return stops[i].map((c, k) => Math.round(c + (stops[i + 1][k] - c) * share));
  });
}
function paint(canvas, mel) {
  const bands = 64, frames = Math.max(1, mel.length / bands), colours = heat();
  canvas.width = frames;
  canvas.height = bands;
  const context = canvas.getContext('2d'), image = context.createImageData(frames, bands);
  for (let t = 0; t < frames; ++t) {
    for (let band = 0; band < bands; ++band) {
      const at = 4 * ((bands - 1 - band) * frames + t), colour = colours[mel[t * bands + band] ?? 0];
      image.data.set([colour[0], colour[1], colour[2], 255], at);
    }
  }
  context.putImageData(image, 0, 0);
}
function roll(piece) {
  if (!piece.notes) return '';
  const width = 600, height = 160, drums = 26;
  const isDrum = piece.tracks.map((name) => /drum/i.test(name));
  const pitched = piece.notes.filter(([track]) => !isDrum[track]).map((note) => note[3]);
  const low = Math.min(...pitched, 60) - 2, high = Math.max(...pitched, 61) + 2;
  const line = (height - drums) / (high - low);
  const marks = piece.notes.map(([track, at, length, pitch]) => {
    const x = (at / piece.seconds) * width, w = Math.max(2, (length / piece.seconds) * width - 1);
    if (isDrum[track]) return `<rect x="${x.toFixed(1)}" y="${height - 6 - ((pitch * 5) % 16)}" width="3" height="4" fill="var(--ink-quiet)"/>`;
    return `<rect x="${x.toFixed(1)}" y="${((high - pitch) * line).toFixed(1)}" width="${w.toFixed(1)}" height="${Math.max(2.5, line * 0.9).toFixed(1)}" rx="1" fill="var(--t${(track % 5) + 1})"/>`;
  }).join('');
  return `<svg viewBox="0 0 ${width} ${height}" preserveAspectRatio="none" role="img" aria-label="${piece.notes.length} notes: ${escape(piece.tracks.join(', '))}">${marks}</svg>`;
}
function listening() {
  const painted = [];
  for (const name of sets) {
    if (!media[name]?.length) continue;
    const section = document.createElement('div');
    section.className = 'set';
    section.innerHTML = `<header><h3>${dot(name)}${escape(titleOf(name))}</h3><p>${escape(kSets[name][1])}; ${report.sets[name].pieces} pieces</p></header><div class="pieces"></div>`;
    for (const piece of media[name]) {
      const element = document.createElement('article');
      element.className = 'piece';
      element.innerHTML = `<button class="stage" aria-label="Play or stop piece ${escape(piece.name)} of ${escape(titleOf(name))}"><canvas></canvas>${roll(piece)}<span class="head"></span><span class="bar"><span class="icon"></span><b>${escape(piece.name)}</b>${piece.tracks ? `<span class="instruments">${escape(piece.tracks.join(', '))}</span>` : ''}<span>${piece.seconds.toFixed(1)} s</span></span></button>`;
      const mel = bytesOf(piece.mel), canvas = element.querySelector('canvas'), head = element.querySelector('.head');
      painted.push(() => paint(canvas, mel));
      element.querySelector('button').addEventListener('click', () => play(element, piece.sound, piece.seconds, (share) => { head.style.left = `${100 * share}%`; }));
      section.querySelector('.pieces').append(element);
    }
    $('sets').append(section);
  }
  const all = () => painted.forEach((draw) => draw());
  all();
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', all);
}

// --- Blind test --------------------------------------------------------------------------------

const kTrials = 12;
const kKey = `hemiola-comparison-${report.settings.model_sha256.slice(0, 12)}-${report.settings.seed}`;
function loadVotes() {
  try { return JSON.parse(localStorage.getItem(kKey)) ?? []; } catch { return []; }
}
function saveVotes(votes) {
  try { localStorage.setItem(kKey, JSON.stringify(votes)); } catch { /* a browser that keeps nothing */ }
}
const pick = (items) => items[Math.floor(Math.random() * items.length)];
function shuffled(items) {
  const result = [...items];
  for (let i = result.length; i > 1; --i) {
    const k = Math.floor(Math.random() * i);
    [result[i - 1], result[k]] = [result[k], result[i - 1]];
  }
  return result;
}
// Each pair of sets as often as the others, a model in most of them.
function drawTrials() {
  const heard = sets.filter((name) => media[name]?.length);
  const pairs = [];
  heard.forEach((a, i) => heard.slice(i + 1).forEach((b) => { if (kModels.includes(a) || kModels.includes(b)) pairs.push([a, b]); }));
  if (!pairs.length) return [];
  const trials = [];
  while (trials.length < kTrials) trials.push(...shuffled(pairs));
  return trials.slice(0, kTrials).map((pair) => shuffled(pair).map((set) => ({ set, piece: pick(media[set]) })));
}
function wilson(wins, all) {
  if (!all) return [0, 1];
  const z = 1.96, p = wins / all, d = 1 + (z * z) / all, m = p + (z * z) / (2 * all);
  const s = z * Math.sqrt((p * (1 - p)) / all + (z * z) / (4 * all * all));
  return [(m - s) / d, (m + s) / d];
}
function tally(votes) {
  const rows = new Map();
  for (const vote of votes) {
    const [a, b] = [vote.a.set, vote.b.set].sort((x, y) => Object.keys(kSets).indexOf(x) - Object.keys(kSets).indexOf(y));
    const row = rows.get(`${a} ${b}`) ?? { a, b, wins: 0, losses: 0, ties: 0 };
    if (vote.choice === 'none') ++row.ties;
    else if (vote[vote.choice].set === a) ++row.wins;
    else ++row.losses;
    rows.set(`${a} ${b}`, row);
  }
  return [...rows.values()];
}
function blindTest() {
  const booth = $('booth');
  let trials = [], index = 0, heard = {};
  const start = () => { trials = drawTrials(); index = 0; show(); };
  const vote = (choice) => {
    if (!heard.a || !heard.b) return;
    const [a, b] = trials[index];
    const votes = loadVotes();
    votes.push({ when: new Date().toISOString(), a: { set: a.set, piece: a.piece.name }, b: { set: b.set, piece: b.piece.name }, choice });
    saveVotes(votes);
    stop();
    ++index;
    show();
  };
  const side = (name) => {
    const element = booth.querySelector(`[data-side="${name}"]`), piece = trials[index][name === 'a' ? 0 : 1].piece;
    const run = element.querySelector('.run');
    play(element, piece.sound, piece.seconds, (share) => { run.style.width = `${100 * share}%`; });
    heard[name] = true;
    element.classList.add('heard');
    booth.querySelectorAll('.choice').forEach((button) => { button.disabled = !(heard.a && heard.b); });
  };
  function show() {
    heard = {};
    if (!trials.length) { booth.innerHTML = '<p>There is no model’s sound in this report.</p>'; return; }
    if (index >= trials.length) { results(); return; }
    booth.innerHTML = `<div class="row"><h3>Which would you rather listen to?</h3><span class="note">${index + 1} of ${trials.length}</span></div>
      <div class="sides">${['a', 'b'].map((name) => `<button class="side" data-side="${name}" aria-label="Play or stop ${name.toUpperCase()}"><b>${name.toUpperCase()}</b><span class="icon"></span><span class="run"></span></button>`).join('')}</div>
      <div class="row"><button class="choice" data-choice="a" disabled>A</button><button class="choice" data-choice="b" disabled>B</button><button class="choice plain" data-choice="none" disabled>No difference</button><span class="note">Hear both first. <kbd>A</kbd> <kbd>B</kbd> play, <kbd>1</kbd> <kbd>2</kbd> <kbd>0</kbd> vote</span></div>`;
    booth.querySelectorAll('.side').forEach((button) => button.addEventListener('click', () => side(button.dataset.side)));
    booth.querySelectorAll('.choice').forEach((button) => button.addEventListener('click', () => vote(button.dataset.choice)));
  }
  function results() {
    const votes = loadVotes();
    const rows = tally(votes).map((row) => {
      const decided = row.wins + row.losses, [low, high] = wilson(row.wins, decided);
      return [`${dot(row.a)}${escape(titleOf(row.a))} against ${escape(titleOf(row.b))}`, row.wins, row.losses, row.ties, decided ? `${percent(row.wins / decided)}<small>${percent(low)} to ${percent(high)}</small>` : '–'];
    });
    booth.innerHTML = `<h3>${votes.length} votes in this browser</h3>${table(['Pair', 'For the first', 'For the second', 'No difference', 'Share for the first (95 %)'], rows, { caption: '' })}
      <div class="row" style="margin-top:24px"><button class="choice" id="again">Another ${kTrials}</button><button class="choice plain" id="save-votes">Save votes as JSON</button><button class="choice plain" id="forget">Forget them</button></div>`;
    $('again').addEventListener('click', start);
    $('forget').addEventListener('click', () => { saveVotes([]); start(); });
    $('save-votes').addEventListener('click', () => {
      const text = JSON.stringify({ format: 'hemiola votes', settings: report.settings, votes: loadVotes() }, null, 2);
      const link = document.createElement('a');
      link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }));
      link.download = 'votes.json';
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 1000);
    });
  }
  document.addEventListener('keydown', (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || index >= trials.length) return;
    const box = booth.getBoundingClientRect();
    if (box.bottom < 0 || box.top > innerHeight) return;
    if (event.key === 'a' || event.key === 'b') side(event.key);
    if ('120'.includes(event.key)) vote({ 1: 'a', 2: 'b', 0: 'none' }[event.key]);
  });
  start();
}

// --- Tables ------------------------------------------------------------------------------------

const nameCell = (name) => `${dot(name)}${escape(titleOf(name))}`;
function distances() {
  $('distance-tables').innerHTML = Object.entries(report.distances).map(([embedding, d]) => table(
    ['Set', 'FAD-infinity', 'R²', 'KAD', 'FAD', 'Files', 'Frames'],
    sets.filter((name) => d.sets[name]).map((name) => {
      const row = d.sets[name];
      return [nameCell(name), row.fad_inf === null ? '–' : number(row.fad_inf) + range(...row.fad_inf_interval), number(row.fad_inf_r2, 2), number(row.kad) + (row.kad_interval[0] === null ? '' : range(...row.kad_interval)), number(row.fad), row.n_gen, row.frames_gen];
    }),
    { caption: `${escape(embedding)}, ${d.dimensions} dimensions ${badge(d.orders.fad_inf)}` },
  )).join('') + Object.entries(report.absent_embeddings).map(([name, why]) => `<p class="note">${escape(name)} is not here: ${escape(why)}</p>`).join('');
}
function metricTable(part) {
  const names = sets.filter((name) => part.sets[name]);
  const rows = Object.keys(part.orders).map((metric) => [
    `${escape(metric.replaceAll('_', ' '))}<small>${part.orders[metric].trusted ? 'orders the anchors' : 'not to be trusted here'}</small>`,
    ...names.map((name) => {
      const row = part.sets[name].metrics[metric];
      return row ? `${number(row.mean)}${range(row.low, row.high)}${row.overlap === undefined || name === 'reference' ? '' : `<small>overlap ${row.overlap.toFixed(2)}</small>`}` : '–';
    })]);
  return table(['Measure', ...names.map((name) => escape(titleOf(name)))], rows);
}
function novelty() {
  const { notes, sound, embedding } = report.novelty;
  const rows = sets.filter((name) => notes[name] || sound[name]).map((name) => {
    const n = notes[name], s = sound[name];
    return [nameCell(name), n ? percent(n.copies) : '–', n ? number(n.longest_run.mean) + range(n.longest_run.low, n.longest_run.high) : '–', n ? percent(n.copied_bars.mean) : '–', s ? number(s.mean) + range(s.low, s.high) : '–', s ? percent(s.near) : '–'];
  });
  $('novelty-table').innerHTML = table(['Set', 'Copies', 'Longest shared run, notes', 'Bars known', `Nearest sound (${escape(embedding)})`, 'Nearer than 95 % of real'], rows);
}
function costs() {
  const speeds = Object.entries(report.timing.speeds).map(([name, s]) => [nameCell(name), duration(s.music_seconds), duration(s.writing_seconds), duration(s.sound_seconds), `${number(s.real_time_factor_writing)} ×`, `${number(s.real_time_factor)} ×`]);
  const runs = Object.entries(report.training).map(([name, t]) => [escape(name), t.steps.toLocaleString('en'), t.tokens ? `${(t.tokens / 1e6).toFixed(1)} M` : '–', number(t.epochs), duration(t.seconds), duration(t.processor_seconds), number(t.held_out_loss, 4), number(t.bits_per_note)]);
  $('cost-table').innerHTML = table(['Writing', 'Music', 'Written in', 'Made sound in', 'Real-time factor, written', 'with its sound'], speeds) +
    (runs.length ? table(['Training run', 'Updates', 'Tokens', 'Passes', 'Time', 'Processor time', 'Held-out loss', 'Bits a note'], runs) : '');
  $('curves').innerHTML = Object.entries(report.training).map(([name, t]) => `<figure class="panel"><header><h3>${escape(name)}</h3><span class="note">loss, nats a token; dots: held out</span></header>${curve(t)}</figure>`).join('');
}
function curve({ curve: line, held_out: dots }) {
  const width = 320, height = 160, left = 34, bottom = 22;
  const all = [...line, ...dots];
  if (!all.length) return '';
  const last = Math.max(...all.map((p) => p[0])), values = all.map((p) => p[1]).sort((a, b) => a - b);
  const low = values[0], high = values[Math.floor(values.length * 0.98)];
  const x = (step) => left + (step / last) * (width - left);
  const y = (value) => 6 + (1 - (Math.min(value, high) - low) / Math.max(1e-9, high - low)) * (height - bottom - 6);
  const ticks = [low, (low + high) / 2, high].map((v) => `<line class="grid" x1="${left}" x2="${width}" y1="${y(v)}" y2="${y(v)}"/><text class="quiet" x="0" y="${y(v) + 4}">${number(v, 3)}</text>`).join('');
  return `<svg viewBox="0 0 ${width} ${height}" role="img" aria-label="Loss over ${last} updates, at the end ${number(all[all.length - 1][1])}">${ticks}<polyline fill="none" stroke="var(--symbolic)" stroke-width="2" stroke-linejoin="round" points="${line.map((p) => `${x(p[0]).toFixed(1)},${y(p[1]).toFixed(1)}`).join(' ')}"/>${dots.map((p) => `<circle cx="${x(p[0]).toFixed(1)}" cy="${y(p[1]).toFixed(1)}" r="3.5" fill="var(--audiolm)"/>`).join('')}<text class="quiet" x="${left}" y="${height - 4}">0</text><text class="quiet" x="${width}" y="${height - 4}" text-anchor="end">${last.toLocaleString('en')} updates</text></svg>`;
}
function orders() {
  const all = [];
  for (const [embedding, d] of Object.entries(report.distances)) {
    for (const [metric, label] of [['fad_inf', 'FAD-infinity'], ['kad', 'KAD'], ['fad', 'FAD']]) all.push([`${embedding}: ${label}`, d.orders[metric]]);
  }
  for (const [metric, order] of Object.entries(report.time.orders)) all.push([`time: ${metric.replaceAll('_', ' ')}`, order]);
  for (const [metric, order] of Object.entries(report.notes.orders)) all.push([`notes: ${metric.replaceAll('_', ' ')}`, order]);
  const pairs = [...new Set(all.flatMap(([, order]) => order.pairs.map((p) => `${p.nearer} ${p.farther}`)))];
  const mark = (p) => !p ? '' : !p.holds ? '<span class="mark bad" role="img" aria-label="wrong">×</span>' : p.apart === false ? '<span class="mark open" role="img" aria-label="right, within chance"></span>' : '<span class="mark" role="img" aria-label="right"></span>';
  $('order-table').innerHTML = table(
    ['Measure', ...pairs.map((pair) => { const [a, b] = pair.split(' '); return `${escape(titleOf(a))}<small>before ${escape(titleOf(b).toLowerCase())}</small>`; }), 'Trusted'],
    all.map(([label, order]) => [escape(label), ...pairs.map((pair) => mark(order.pairs.find((p) => `${p.nearer} ${p.farther}` === pair))), order.trusted ? 'yes' : '<span style="color:var(--wrong)">no</span>']));
}
function settings() {
  const s = report.settings;
  const rows = Object.entries(s).filter(([key]) => key !== 'model_card').map(([key, value]) => [escape(key.replaceAll('_', ' ')), `<code>${escape(typeof value === 'object' ? JSON.stringify(value) : value)}</code>`]);
  for (const name of sets) rows.push([`set: ${escape(titleOf(name).toLowerCase())}`, `<code>${report.sets[name].sha256}</code>${report.sets[name].left_out ? `<small>${escape(report.sets[name].left_out.join('; '))}</small>` : ''}`]);
  const command = `hemiola compare --loops ${s.loops} --model ${s.model} --count ${s.count} --seed ${s.seed}${s.styles ? ' --styles' : ''} --pca ${s.axes} --order ${s.ngram_order} --known ${s.known} -o out`;
  $('settings').innerHTML = `<pre>${escape(command)}</pre>${table(['What', 'Value'], rows).replaceAll('class="figure"', '')}${s.model_card ? `<pre>${escape(s.model_card)}</pre>` : ''}<p class="note">Measured ${escape(report.timing.date)}.</p>`;
}

summary();
listening();
blindTest();
distances();
$('note-table').innerHTML = metricTable(report.notes);
$('time-table').innerHTML = metricTable(report.time);
novelty();
costs();
orders();
settings();
