// class: HTML comments (SES transforms)
// tries: to get what looks like a comment past the printer inside of texts and templates
// canary: the honest contract, whose code is evaluated by the same machinery
// expected: result ["<!--","-->","<!-- import('x') eval(1) -->",false]
// control: none: harmless where nothing searches the source; here the texts must survive

exports.attack = () => ['<!--', '-->', `<!-- ${'import'}('x') eval(1) -->`, 1 <! --[1][0]]
