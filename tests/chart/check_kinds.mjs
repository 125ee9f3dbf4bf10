// check_kinds.mjs TOOLS < OBJECTS.json: tells unknown fields and wrong types of Kubernetes objects, as [where, problem] in
// JSON. The field names come from the client's own tables (1.34), values also from the schemas of kubernetes-models.
import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { pathToFileURL } from 'node:url';

const tools = process.argv[2];
const generated = `${tools}/node_modules/@kubernetes/client-node/dist/gen/models/`;
const require = createRequire(`${tools}/`);
const SCALARS = { string: 'string', number: 'number', boolean: 'boolean', 'Date': 'string', V1MicroTime: 'string' };
const CUSTOM = { 'monitoring.coreos.com': 'prometheus-operator', 'cert-manager.io': 'cert-manager' };
const problems = [];

async function model(name) {
    return (await import(pathToFileURL(`${generated}${name}.js`)))[name];
}

async function walk(value, type, format, where) {
    if (value === null || value === undefined || type === 'any') return;
    const list = type.match(/^Array<(.+)>$/);
    const map = type.match(/^\{ \[key: string\]: (.+); \}$/);
    if (list) {
        if (!Array.isArray(value)) return void problems.push([where, 'wants a list']);
        for (const [i, item] of value.entries()) await walk(item, list[1], format, `${where}[${i}]`);
    } else if (map) {
        for (const [key, item] of Object.entries(value)) await walk(item, map[1], format, `${where}.${key}`);
    } else if (type === 'IntOrString') {
        if (!['string', 'number'].includes(typeof value)) problems.push([where, 'wants a number or text']);
    } else if (SCALARS[type]) {
        // A quantity is text to the client; the API takes a number too.
        if (typeof value !== SCALARS[type] && format !== 'quantity') problems.push([where, `wants ${type}, is ${typeof value}`]);
    } else {
        const attributes = (await model(type)).attributeTypeMap;
        for (const [key, item] of Object.entries(value)) {
            const found = attributes.find((attribute) => attribute.baseName === key);
            if (found) await walk(item, found.type, found.format, `${where}.${key}`);
            else problems.push([`${where}.${key}`, `unknown field of ${type}`]);
        }
    }
}

for (const object of JSON.parse(readFileSync(0, 'utf8'))) {
    const [group, version] = object.apiVersion.includes('/') ? object.apiVersion.split('/') : ['', object.apiVersion];
    const where = `${object.kind}/${object.metadata.name}`;
    let validated;
    if (CUSTOM[group]) {
        validated = await import(pathToFileURL(`${tools}/node_modules/@kubernetes-models/${CUSTOM[group]}/${group}/${version}/${object.kind}.js`));
    } else {
        await walk(object, version[0].toUpperCase() + version.slice(1) + object.kind, '', where);
        validated = require(`kubernetes-models/${object.apiVersion}/${object.kind}`);
    }
    try {
        new validated[object.kind](object).validate();
    } catch (refusal) {
        problems.push([where, refusal.message]);
    }
}
console.log(JSON.stringify(problems));
