'use strict'

// The users' functions of the tests: one of every kind, and everything that one can do wrong.

const http = require('node:http')

const heard = []
const places = {}

function failure (message, code) {
  return Object.assign(new Error(message), { code })
}

const hooks = {
  preSavePage: (options, callback) => callback(null, {
    data: options.data.map(record => ({ ...record, hooked: options.pageIndex })),
    errors: options.errors,
    abort: options.pageIndex === 1
  }),
  // Odd ones are ignored, threes fail, sixes fail and go on.
  preMap: (options, callback) => callback(null, options.data.map(record => {
    const errors = record.id % 3 ? undefined : [{ code: 'three', message: `${record.id} is a three` }]
    if (record.id % 2) return errors ? { errors } : {}
    return { data: record, errors }
  })),
  postMap: (options, callback) => callback(null, options.postMapData.map((data, index) =>
    ({ data: { ...data, before: options.preMapData[index] } }))),
  postSubmit: (options, callback) => callback(null, options.responseData.map(answer => ({ ...answer, seen: true }))),
  postResponseMap: (options, callback) => callback(null, options.postResponseMapData),
  postAggregate: (options, callback) => callback(),
  echo: (options, callback) => callback(null, options),
  instants: (options, callback) => callback(null, {
    last: options.lastExportDateTime instanceof Date,
    current: options.currentExportDateTime instanceof Date
  }),
  fails: (options, callback) => callback(failure(`no luck with ${options.bearerToken}`, 'unlucky')),
  throws: () => { throw new TypeError('broken') },
  promises: async () => ({ data: [] }),
  dates: (options, callback) => callback(null, { data: new Date() }),
  much: (options, callback) => callback(null, 'x'.repeat(options.size)),
  slow: (options, callback) => setTimeout(() => callback(null, 'at last'), options.milliseconds),
  short: (options, callback) => callback(null, []),
  // Asks as its configuration says, and hands the records on.
  asks: (options, callback) => ask(options.configuration.url, options.bearerToken, options.configuration.requests,
    error => callback(error, { data: options.data, errors: [], abort: false })),
  notAFunction: 1
}

// Asks Towpath what a function was told to, with the one-time token: a list of [method, path, body]. What it was
// answered, and the token, lie in the place "asked" afterwards.
function ask (url, token, requests, callback) {
  const answers = []
  const next = () => {
    if (answers.length === requests.length) {
      places.asked = [{ token, answers }]
      return callback(null, answers)
    }
    const [method, path, body] = requests[answers.length]
    const headers = { authorization: `Bearer ${token}`, 'content-type': 'application/json' }
    const request = http.request(url + path, { method, headers, agent: false }, response => {
      const parts = []
      response.on('data', part => parts.push(part)).on('end', () => {
        answers.push({ status: response.statusCode, text: Buffer.concat(parts).toString() })
        next()
      })
    })
    request.on('error', callback)
    request.end(body && JSON.stringify(body))
  }
  next()
}

const wrappers = {
  ping: (options, callback) => options.connection.encrypted.password === 'open sesame'
    ? callback(null, { statusCode: 200 })
    : callback(null, { statusCode: 401, errors: [{ code: 'no', message: 'wrong password' }] }),
  // Four at a time, whatever is asked for.
  read: (options, callback) => {
    const all = places[options.connection.unencrypted.place] || []
    const from = options.state ? options.state.from : 0
    callback(null, { data: all.slice(from, from + 4), lastPage: from + 4 >= all.length, state: { from: from + 4 } })
  },
  all: (options, callback) => callback(null, {
    data: places[options.connection.unencrypted.place],
    errors: [{ code: 'torn', message: 'a record is torn' }],
    lastPage: true
  }),
  told: (options, callback) => callback(null, { data: [options], lastPage: true }),
  forgets: (options, callback) => callback(null, { data: [{ id: 1 }], state: { from: 0 } }),
  offline: (options, callback) => callback(null, { data: [{ id: 1 }], connectionOffline: true }),
  shapeless: (options, callback) => callback(null, { data: 'records' }),
  write: (options, callback) => {
    const place = places[options.connection.unencrypted.place] ||= []
    callback(null, options.postMapData.map((record, index) => {
      if (record.status === 'ignore') return { statusCode: 200, ignored: true }
      if (record.status === 'offline') return { statusCode: 401, errors: [{ code: 'off', message: 'gone' }] }
      if (record.status === 'refuse') return { statusCode: 422, errors: [{ code: 'bad', message: 'not this one' }] }
      place.push({ ...record, before: options.preMapData[index] })
      const errors = record.status === 'partly' ? [{ code: 'part', message: 'without its notes' }] : undefined
      return { statusCode: 200, id: record.id, _json: { stored: true }, errors }
    }))
  },
  short: (options, callback) => callback(null, [])
}

const step = { name: 'step one', completed: false, installerFunction: 'stepOne' }

const installer = {
  // Makes a connection and a step that is still to be done, and looks whether other doors open.
  furnish: (options, callback) => ask(options.opts.url, options.bearerToken, [
    ['PUT', `/v1/integrations/${options._integrationId}`, { name: 'furnished', mode: 'install', install: [step] }],
    ['POST', '/v1/connections', {
      name: 'of the app',
      type: 'http',
      _integrationId: options._integrationId,
      http: { baseURI: 'https://api.example.com', mediaType: 'json' }
    }],
    ...options.opts.others
  ], error => callback(error)),
  stepOne: (options, callback) => callback(null, {
    success: true, stepsToUpdate: [{ ...step, completed: true }], told: options.formSubmission
  }),
  update: (options, callback) => ask(options.opts.url, options.bearerToken,
    [['GET', `/v1/integrations/${options._integrationId}`]], error => callback(error)),
  fails: (options, callback) => callback(failure('no room', 'no_room'))
}

const uninstaller = {
  before: (options, callback) => callback(null, { success: true }),
  uninstall: (options, callback) => options.opts.stuck
    ? callback(failure('still in use', 'in_use'))
    : callback(null, { success: true })
}

const settings = {
  persist: (options, callback) => callback(null, { success: true, pending: options.pending })
}

module.exports = { hooks, wrappers, installer, uninstaller, settings, heard, places }
