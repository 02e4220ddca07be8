// Engraves MusicXML with Verovio, away from the page's own thread.
import createVerovioModule from 'verovio/wasm';
import { VerovioToolkit } from 'verovio/esm';

export interface EngraveRequest {
  id: number;
  musicxml: string;
  width: number;  // CSS pixels
}

export interface EngraveReply {
  id: number;
  pages: string[];  // SVG
  times: { seconds: number; ids: string[] }[];  // which notes begin when, by the written tempo
  error?: string;
}

const kScale = 42;

const toolkit = createVerovioModule().then((module) => new VerovioToolkit(module));

onmessage = async (event: MessageEvent<EngraveRequest>) => {
  const { id, musicxml, width } = event.data;
  try {
    const engraver = await toolkit;
    engraver.setOptions({
      pageWidth: Math.round((width * 100) / kScale), pageHeight: 60000, scale: kScale,
      adjustPageHeight: true, header: 'none', footer: 'none', breaks: 'auto',
      pageMarginLeft: 60, pageMarginRight: 60, pageMarginTop: 60, pageMarginBottom: 60,
      svgViewBox: true, svgRemoveXlink: true, svgFormatRaw: true,
    });
    if (!engraver.loadData(musicxml)) throw new Error(engraver.getLog());
    const pages = Array.from({ length: engraver.getPageCount() }, (_, i) => engraver.renderToSVG(i + 1));
    const map = engraver.renderToTimemap({ includeRests: false });
    const times = map.filter((entry) => entry.on).map((entry) =>
      ({ seconds: entry.tstamp / 1000, ids: entry.on! }));
    postMessage({ id, pages, times } satisfies EngraveReply);
  } catch (error) {
    postMessage({ id, pages: [], times: [], error: String(error) } satisfies EngraveReply);
  }
};
