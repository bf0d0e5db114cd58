/**
 * The phrases of the rules (`streams/rules/`) in Chinese. A pattern holds numbers and names as groups; a phrase that
 * none fits stays in English, marked as such: better than a wrong translation.
 */

type Phrase = [pattern: RegExp, chinese: (...parts: string[]) => string];

const PHRASES: Phrase[] = [
  [/^bed raised for at least (\S+) s$/, s => `车厢举升至少 ${s} 秒`],
  [
    /^inside a facility, source or workshop area \(nearest: (\S+) m, (.+)\)$/,
    (m, name) => `位于场站、产生地或维修区域内（最近：${m} 米，${name}）`,
  ],
  [/^permit$/, () => "许可证"],
  [/^plan$/, () => "计划"],
  [/^zones$/, () => "区域"],
  [/^settings$/, () => "设置"],
];

/** The phrase in Chinese, or null where none is known. */
export function inChinese(text: string): string | null {
  for (const [pattern, chinese] of PHRASES) {
    const found = pattern.exec(text);
    if (found) return chinese(...found.slice(1));
  }
  return null;
}
