'use strict'

// An extension server as users run one: the published module checks requests and answers and calls the
// functions; this file speaks HTTP before it. Settings come as environment variables: TOKEN, HEARTBEAT (ms), and
// APP=1 for the functions of apps in place of one's own. Its first line of output is its port.

const http = require('node:http')
const Extension = require('integrator-extension')
const functions = require('./functions')

const token = process.env.TOKEN
const heartbeat = Number(process.env.HEARTBEAT)
const extension = new Extension()

// Whatever the tests call their apps, the functions are the same.
const apps = new Proxy({ any: functions }, { get: (all, name) => name in all ? all[name] : functions })

function send (response, status, value, headers = {}) {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(value === undefined ? '' : JSON.stringify(value))
}

function call (request, response, body) {
  const beat = setInterval(() => response.writeProcessing(), heartbeat)
  const finish = (error, result) => {
    clearInterval(beat)
    if (error) send(response, error.statusCode, { errors: error.errors })
    else send(response, 200, result)
  }
  functions.heard.push({ ...body, traceid: request.headers.traceid })
  try {
    extension.callFunction(body.options, body, finish)
  } catch (error) {
    finish({ statusCode: 422, errors: [{ code: error.name, message: error.message }] })
  }
}

// What the tests ask besides: what was called, and what lies in the places that the wrappers keep.
function backstage (request, response, body) {
  const name = request.url.slice('/places/'.length)
  if (request.url === '/heard') return send(response, 200, functions.heard.splice(0))
  if (request.method === 'PUT') functions.places[name] = body
  return send(response, 200, functions.places[name] || [])
}

const server = http.createServer((request, response) => {
  const parts = []
  request.on('data', part => parts.push(part))
  request.on('end', () => {
    const body = parts.length ? JSON.parse(Buffer.concat(parts).toString()) : {}
    if (request.method !== 'POST' || request.url !== '/function') return backstage(request, response, body)
    if (request.headers.authorization === `Bearer ${token}`) return call(request, response, body)
    const errors = [{ code: 'unauthorized', message: 'Invalid system token.' }]
    send(response, 401, { errors }, { 'WWW-Authenticate': 'invalid system token' })
  })
})

process.stdin.on('end', () => process.exit()).resume() // it ends with the tests that started it

const log = console.log
console.log = () => {}
extension.loadConfiguration(process.env.APP ? { connectors: apps } : { diy: functions }, error => {
  if (error) throw error
  server.listen(0, '127.0.0.1', () => log(server.address().port))
})
