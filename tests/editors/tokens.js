const fs=require('fs'),vsctm=require('vscode-textmate'),onig=require('vscode-oniguruma');
const wasm=fs.readFileSync(require.resolve('vscode-oniguruma/release/onig.wasm')).buffer;
const lib=onig.loadWASM(wasm).then(()=>({createOnigScanner:p=>new onig.OnigScanner(p),createOnigString:s=>new onig.OnigString(s)}));
const reg=new vsctm.Registry({onigLib:lib,loadGrammar:async()=>vsctm.parseRawGrammar(fs.readFileSync(process.argv[2],'utf8'),process.argv[2])});
reg.loadGrammar('source.const').then(g=>{let st=vsctm.INITIAL;const out=[];for(const l of fs.readFileSync(0,'utf8').split('\n')){const r=g.tokenizeLine(l,st);st=r.ruleStack;for(const t of r.tokens){const x=l.slice(t.startIndex,t.endIndex);if(x.trim())out.push([x,t.scopes[t.scopes.length-1]])}}console.log(JSON.stringify(out))});
