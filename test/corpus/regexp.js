// Regular expressions, where the language has them: tables of Unicode and flags are what engines differ in.

//# regexp-ignore-case
return ['ſ', 'K', 'ß', 'ẞ', 'İ', 'ı', 'Σ', 'ς', 'ǆ', '\u1c80', '\ua64a'].map(x => [/s/i.test(x), /k/i.test(x), /ß/i.test(x), /i/i.test(x), /σ/i.test(x), /[a-z]/i.test(x), /\w/i.test(x)])

//# regexp-classes
return ['\u00a0', '\u180e', '\ufeff', '\u2028', '_', 'é', '\ud800', '٣'].map(x => [/\s/.test(x), /\w/.test(x), /\d/.test(x), /./.test(x), /\b/.test(x)])

//# regexp-match
const m = /(\d+)-(?<name>[a-z]+)/.exec('x 12-ab 3-c')
return [m, m.index, m.groups?.name, 'a1b22'.match(/\d+/g), 'a1b22'.replace(/\d/g, d => d * 2), 'a-b_c'.split(/[-_]/), 'xay'.search(/a/), Reflect.ownKeys(m)]

//# regexp-shape
const r = /a/g
return [Reflect.ownKeys(r).map(String), String(r), r.flags, r.lastIndex, typeof RegExp, Object.prototype.toString.call(r)]

//# regexp-surrogates
return [/^.$/.test('\ud83d\ude00'), '\ud83d\ude00'.replace(/./, 'x').length, '\ud83d\ude00a'.split(/(?:)/)]
