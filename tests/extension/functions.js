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
  calls: (options, callback) => callAll(options, callback),
  notAFunction: 1
}

// Asks Towpath with the one-time token that the function was given.
function callAll (options, callback) {
  const answers = []
  const next = () => {
    if (answers.length === options.configuration.paths.length) return callback(null, answers)
    const [method, path] = options.configuration.paths[answers.length]
    const headers = { authorization: `Bearer ${options.bearerToken}`, 'content-type': 'application/json' }
    const request = http.request(options.configuration.url + path, { method, headers, agent: false }, response => {
      response.resume().on('end', () => {
        answers.push(response.statusCode)
        next()
      })
    })
    request.on('error', callback)
    request.end(method === 'GET' ? undefined : '{}')
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

const installer = {
  install: (options, callback) => callback(null, { success: true, stepsToUpdate: [], options }),
  connectorInstallerFunction: (options, callback) => callback(null, { success: true }),
  calls: callAll
}

const uninstaller = {
  uninstall: (options, callback) => callback(null, { success: true, options }),
  fails: (options, callback) => callback(failure('still in use', 'in_use'))
}

const settings = {
  persist: (options, callback) => callback(null, { success: true, pending: options.pending })
}

module.exports = { hooks, wrappers, installer, uninstaller, settings, heard, places }
