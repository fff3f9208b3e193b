// What the client needs of a browser's XMLHttpRequest, over fetch.

export class XMLHttpRequest {
  constructor(){
    this.readyState = 0
    this.responseText = ""
    this.timeout = 0
    this.headers = {}
    this.controller = new AbortController()
  }

  open(method, url){ Object.assign(this, {method, url}) }

  setRequestHeader(name, value){ this.headers[name] = value }

  abort(){ this.aborted = true; this.controller.abort() }

  send(body){
    const {method, url, headers} = this
    let late = false
    const timer = this.timeout ? setTimeout(() => { late = true; this.controller.abort() }, this.timeout) : null
    fetch(url, {method, headers, body: body ?? undefined, signal: this.controller.signal})
      .then(response => response.text())
      .then(text => { this.responseText = text; this.readyState = 4; this.onreadystatechange?.() })
      .catch(() => {
        if(late){ this.ontimeout?.() } else if(!this.aborted){ this.onerror?.() }
      })
      .finally(() => clearTimeout(timer))
  }
}
