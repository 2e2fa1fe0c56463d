// Dates: UTC only, ISO texts only.

//# date-now
return [new Date().getTime(), Date.now(), new Date().toISOString(), JSON.stringify({ d: new Date() }), String(new Date()), new Date() - System.now()]

//# date-parse
return ['2020-01-01', '2020-01', '2020', '2020-01-01T00:00:00Z', '2020-01-01T00:00:00.5Z', '2020-01-01T00:00:00+05:30', '2020-01-01T00:00', '2020-01-01T00:00:00', '2020-02-30', '2020-13-01', '+012020-01-01', '-000001-01-01', '-000000-01-01', 'Jan 1 2020', '2020-01-01T24:00:00Z', '2020-01-01T25:00:00Z', '2020-1-1', '', 'Thu, 01 Jan 1970 00:00:00 GMT', '2020-01-01T00:00Z', '2020-01-01 00:00:00Z', '20200101', '2020-06-30T23:59:60Z', '275760-09-13', '+275760-09-13T00:00:00Z', '+275760-09-13T00:00:00.001Z'].map(x => String(new Date(x).getTime()))

//# date-parts
return [2000, 2000.9, 99, 100, -1, NaN, 275761].map(y => [new Date(y, 1, 29), new Date(y, 12), new Date(y, 0, 0), new Date(y, 5, 15, 25, 61, 61, 1001)].map(d => String(d.getTime())))

//# date-getters
const d = new Date('2024-02-29T13:14:15.678Z')
return ['FullYear', 'Month', 'Date', 'Day', 'Hours', 'Minutes', 'Seconds', 'Milliseconds'].map(p => [d['getUTC' + p](), typeof d['get' + p], typeof d['setUTC' + p]])

//# date-zone
return [new Date(0).getTimezoneOffset(), new Date(2020, 6, 1).getTime() === Date.UTC(2020, 6, 1), String(new Date(0)), new Date(0) + '', `${new Date(NaN)}`, +new Date(5), new Date(5) > new Date(4)]

//# date-invalid
const d = new Date(NaN)
return [String(d), d.toJSON(), JSON.stringify([d]), d.getTime() !== d.getTime(), d.getUTCFullYear(), (() => { try { return d.toISOString() } catch (e) { return [e.name, e.message] } })()].map(String)

//# date-range
return [8.64e15, 8.64e15 + 1, -8.64e15, -8.64e15 - 1, 1.9, -1.9, -0, null, true, undefined, '5', Infinity].map(x => String(new Date(x).getTime()))

//# date-from-odd
return [new Date(new Date(7)), new Date({ valueOf: () => 9 }), new Date([2020]), new Date(true), new Date('x')].map(d => String(d.getTime()))

//# date-utc
return [Date.UTC(2020), Date.UTC(2020, 1, 30), Date.UTC(99, 0), Date.UTC(), Date.UTC(2020, NaN), Date.UTC(-1, 0), Date.UTC(2020, 0, 1, 0, 0, 0, 0, 99)].map(String)

//# date-far-years
return [-62198755200000, -1, 253402300800000, 8.64e15, -8.64e15].map(x => [new Date(x).toISOString(), new Date(x).getUTCFullYear(), new Date(x).getUTCDay()])

//# date-shape
return [Object.getOwnPropertyNames(Date).sort(), Object.getOwnPropertyNames(Date.prototype).sort(), Date.length, (() => { try { return typeof Date() } catch (e) { return [e.name, e.message] } })(), Object.prototype.toString.call(new Date(0)), Object.keys(new Date(0))]

//# date-subclass
class D extends Date { year() { return this.getUTCFullYear() } }
return [new D(0).year(), new D(0) instanceof Date, new D().getTime() === System.now(), (() => { try { return Date.prototype.getTime.call({}) } catch (e) { return [e.name, e.message] } })()]

//# date-calendar
let days = 0
for (let t = Date.UTC(1999, 11, 31); t < Date.UTC(2001, 0, 1); t += 86400000) if (new Date(t).getUTCDay() === 1) days++
return [days, new Date(Date.UTC(2100, 1, 29)).getUTCMonth(), new Date(Date.UTC(2000, 1, 29)).getUTCMonth()]
